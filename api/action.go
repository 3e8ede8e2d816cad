package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"muster"
)

// Routes of actions. {id} is that of an action.
const (
	RouteActions         = "/api/v1/actions"                // GET, person: [ActionQuery] -> [ActionPage]; POST [ActionPost] -> [Action]
	RouteAction          = "/api/v1/actions/{id}"           // GET, person: [ActionDetail]
	RouteActionTargets   = "/api/v1/actions/{id}/targets"   // GET, person: [TargetQuery] -> [TargetPage]
	RouteActionApprovals = "/api/v1/actions/{id}/approvals" // POST, person: [ActionApproval] -> [Action]
	RouteActionEvents    = "/api/v1/actions/{id}/events"    // GET, person: server-sent events, of [ActionEvent]
	RouteActionLog       = "/api/v1/actions/{id}/log"       // POST, host: a piece of text -> [LogTaken]
)

// Bounds of what a server reads about actions, in bytes, and of what it sends a
// host at a time.
const (
	MaxActionPost = 8 << 20  // of 200,000 hosts
	MaxLog        = 64 << 10 // of one run of one host, all pieces together
	MaxOrders     = 4        // in one answer to a host
	MaxReports    = 16       // in one check-in
)

// An Order is a signed action on its way to a host, which verifies it with package
// action and believes nothing else of it.
type Order struct {
	ID      string `json:"id"` // as the server says
	Message []byte `json:"message"`
	Proof   *Proof `json:"proof,omitempty"`
}

// A Proof shows that a host is one of many targets: that of package action.
type Proof struct {
	Index  int64    `json:"index,omitempty"`
	Hashes [][]byte `json:"hashes,omitempty"`
}

// ActionPost brings a signed action, and the hosts that it is for, sorted.
type ActionPost struct {
	Message []byte   `json:"message"`
	Hosts   []string `json:"hosts"`
}

// ActionApproval brings an action with a further signature. Of is the SHA-256 of the
// message that was signed, so that of two who approve at once none is lost.
type ActionApproval struct {
	Message []byte `json:"message"`
	Of      string `json:"of"`
}

// ActionState is how far an action is on a server.
type ActionState string

// The states of an action.
const (
	ActionHeld      ActionState = "held"      // until more persons have signed
	ActionOpen      ActionState = "open"      // hosts are given it
	ActionOver      ActionState = "over"      // its time has passed
	ActionCancelled ActionState = "cancelled" // no host is given it any more
)

// The states of a target that the server says; the others are those that the
// host signed, of package action.
const (
	TargetQueued    = "queued"    // the host has not said that it has it
	TargetDelivered = "delivered" // the host has it
	TargetExpired   = "expired"   // its time passed before the host came
	TargetCancelled = "cancelled"
	TargetNeedless  = "needless" // of a cancel: the host is over with what it cancels, or never had it
)

// An Action is one on a server.
type Action struct {
	ID      string         `json:"id"`
	State   ActionState    `json:"state"`
	Kind    string         `json:"kind"`
	Title   string         `json:"title"` // "install age>=1.3"
	Reason  string         `json:"reason,omitempty"`
	Begins  int64          `json:"begins"`
	Ends    int64          `json:"ends"`
	Created int64          `json:"created"`
	By      string         `json:"by"`      // who posted it
	Signers []string       `json:"signers"` // names
	Need    int            `json:"need,omitempty"`
	Hosts   int            `json:"hosts"`
	Stops   string         `json:"stops,omitempty"` // of a cancel: the action that it ends
	SHA256  string         `json:"sha256"`          // of the message
	Counts  map[string]int `json:"counts"`          // hosts by state
}

// ActionDetail is an action with its message, which says what it is better than
// the server does.
type ActionDetail struct {
	Action
	Message []byte `json:"message"`
}

// ActionQuery asks for actions, the newest first. It travels as the query of the URL.
type ActionQuery struct {
	State  ActionState
	Host   string // id
	Cursor string // ActionPage.Next
	Limit  int    // 50 where it is 0, at most 1,000
}

// ActionPage lists actions.
type ActionPage struct {
	Actions []Action `json:"actions"`
	Next    string   `json:"next,omitempty"`
}

// TargetQuery asks for the hosts of an action. It travels as the query of the URL.
type TargetQuery struct {
	State  string
	Host   string // id
	Cursor string
	Limit  int // 100 where it is 0, at most 1,000
}

// TargetPage lists hosts of an action.
type TargetPage struct {
	Targets []Target `json:"targets"`
	Next    string   `json:"next,omitempty"`
}

// A Target is how far a host is with an action.
type Target struct {
	Host   string        `json:"host"`
	Name   string        `json:"host-name,omitempty"`
	State  string        `json:"state"`
	Status muster.Status `json:"status,omitempty"`
	Note   string        `json:"note,omitempty"`
	At     int64         `json:"at,omitempty"`
	// Result is what the host signed: package action reads it.
	Result []byte `json:"result,omitempty"`
}

// ActionEvent is one thing that happens to an action, of the type that its member
// names. Events with a number come again for who asks for those after it.
type ActionEvent struct {
	Number int64      `json:"-"`                // the id of the event
	Target *Target    `json:"target,omitempty"` // it is so now
	Action *Action    `json:"action,omitempty"` // it is so now
	Log    *ActionLog `json:"log,omitempty"`    // while it runs; not kept
}

// ActionLog is a piece of what an action says on a host while it runs.
type ActionLog struct {
	Host string `json:"host"`
	Name string `json:"host-name,omitempty"`
	Text string `json:"text"`
}

// LogTaken answers [RouteActionLog].
type LogTaken struct {
	// Watched: somebody reads it. Otherwise the host need not send more for now.
	Watched bool `json:"watched"`
}

// Attend is [HostClient.Wake] for a host that takes actions: it names those that it
// has, and is given those that it has not.
func (h *HostClient) Attend(ctx context.Context, since int64, have []string) (w Wake, err error) {
	q := url.Values{"since": {strconv.FormatInt(since, 10)}, "have": {strings.Join(have, ",")}}
	err = h.do(ctx, request{method: http.MethodGet, path: RouteWake, query: q, authorize: h.sign, timeout: 15 * time.Minute}, &w)
	return w, err
}

// SendLog sends a piece of what an action says while it runs.
func (h *HostClient) SendLog(ctx context.Context, action string, text []byte) (out LogTaken, err error) {
	r := request{method: http.MethodPost, path: at(RouteActionLog, action), body: text, kind: "text/plain; charset=utf-8", authorize: h.sign}
	err = h.do(ctx, r, &out)
	return out, err
}

// SendAction posts a signed action.
func (p *PersonClient) SendAction(ctx context.Context, in ActionPost) (out Action, err error) {
	err = p.send(ctx, http.MethodPost, RouteActions, in, &out)
	return out, err
}

// ApproveAction posts an action with a further signature.
func (p *PersonClient) ApproveAction(ctx context.Context, id string, in ActionApproval) (out Action, err error) {
	err = p.send(ctx, http.MethodPost, at(RouteActionApprovals, id), in, &out)
	return out, err
}

// Actions lists actions.
func (p *PersonClient) Actions(ctx context.Context, q ActionQuery) (out ActionPage, err error) {
	err = p.get(ctx, RouteActions, query("state", string(q.State), "host", q.Host, "cursor", q.Cursor, "limit", number(q.Limit)), &out)
	return out, err
}

// Action returns one action.
func (p *PersonClient) Action(ctx context.Context, id string) (out ActionDetail, err error) {
	if err = p.get(ctx, at(RouteAction, id), nil, &out); err == nil {
		err = asked("action", id, out.ID)
	}
	return out, err
}

// ActionTargets lists hosts of an action.
func (p *PersonClient) ActionTargets(ctx context.Context, id string, q TargetQuery) (out TargetPage, err error) {
	err = p.get(ctx, at(RouteActionTargets, id), query("state", q.State, "host", q.Host, "cursor", q.Cursor, "limit", number(q.Limit)), &out)
	return out, err
}

// WatchAction calls each for what happened to an action after the event of that
// number, and for what happens, until the server ends it, ctx ends, or each returns
// an error, which is returned.
func (p *PersonClient) WatchAction(ctx context.Context, id string, after int64, each func(ActionEvent) error) error {
	return p.do(ctx, request{method: http.MethodGet, path: at(RouteActionEvents, id), query: query("after", number(after)), authorize: p.bearer, timeout: -1,
		read: func(_ http.Header, body io.Reader) error { return readEvents(body, each) }}, nil)
}

// maxEvent bounds one event, in bytes.
const maxEvent = 1 << 20

// readEvents reads server-sent events (HTML, section 9.2), of which it knows id
// and data.
func readEvents(r io.Reader, each func(ActionEvent) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	var number int64
	var data strings.Builder
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			if err := dispatch(number, data.String(), each); err != nil {
				return err
			}
			data.Reset()
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			n, err := strconv.ParseInt(value, 10, 64)
			if err == nil {
				number = n
			}
		case "data":
			if data.Len()+len(value) > maxEvent {
				return muster.Errorf(muster.Invalid, "an event of the server is longer than %d bytes", maxEvent)
			}
			data.WriteString(value)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return muster.Errorf(muster.Invalid, "an event of the server is longer than %d bytes", maxEvent)
	}
	return muster.WithKind(muster.Unavailable, lines.Err())
}

func dispatch(number int64, data string, each func(ActionEvent) error) error {
	if data == "" {
		return nil
	}
	var e ActionEvent
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		return muster.Errorf(muster.Invalid, "cannot understand an event of the server: %w", err)
	}
	e.Number = number
	return each(e)
}
