package agent

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/action"
	"muster/api"
	"muster/internal/durable"
)

// A ledger is what a host keeps of signed actions, so that each is begun at most
// once, in host/actions/:
//
//	<id>.json          an action that somebody the host believes has signed ([deed])
//	refused-<sum>.p7m  the signed refusal of one that is not, until the server has it
//	floor              NotAfter of the newest deed that was forgotten
//
// An action is begun only after its deed says so on the disk. A crash leaves it
// begun, and the next start reports it as interrupted. What it came to is written
// with the report of it in one file, so that neither is there without the other.
//
// Deeds are forgotten a day after no host begins them any more. A clock that goes
// back then makes them no newer than the floor, and they are refused.
//
// They are begun in the order in which they came, those that cancel others first.
type ledger struct {
	home *Home
	now  func() time.Time // after sign.Floor
	turn int64            // of the newest deed, 0 until one is admitted
}

// A stage is how far a deed is.
type stage string

const (
	waiting stage = "waiting" // for its time, or its turn
	begun   stage = "begun"
	over    stage = "over"
)

// A deed is one action on this host.
type deed struct {
	ID        string      `json:"id"`
	SHA256    string      `json:"sha256"` // of the message
	Kind      action.Kind `json:"kind"`
	Stage     stage       `json:"stage"`
	Received  int64       `json:"received"`
	Turn      int64       `json:"turn,omitempty"` // increases
	NotBefore int64       `json:"not-before"`
	NotAfter  int64       `json:"not-after"`
	Order     *api.Order  `json:"order,omitempty"` // while it waits or is under way
	Begun     int64       `json:"begun,omitempty"`
	Boot      string      `json:"boot,omitempty"`   // of the machine, when it was begun
	Change    int         `json:"change,omitempty"` // of the root, that it made
	// Cancelled: it is not begun, whether it came or not.
	Cancelled bool   `json:"cancelled,omitempty"`
	Report    []byte `json:"report,omitempty"` // signed, until the server has it
}

// Bounds of a ledger.
const (
	maxDeeds = 4096      // more are refused
	maxSaid  = 512 << 10 // bytes of reports in one check-in
	// maxRefusals bounds the reports of what nobody signed whom the host believes:
	// anybody who stands in the server's place can send such messages without end.
	maxRefusals = 256
	// starting is how long a machine has to start anew. Nothing is begun meanwhile.
	starting = 10 * 60
	dayLong  = 24 * 60 * 60
	// tombKept is how long it is remembered that an action is cancelled which never came:
	// it may have been meant for a day far ahead.
	tombKept = 366 * dayLong
	// reportKept is how long a report waits for a server that is away.
	reportKept = 30 * dayLong
)

func (l *ledger) file(name string) string { return l.home.file(filepath.Join("actions", name)) }

// make makes the folder.
func (l *ledger) make() error {
	return muster.WithKind(muster.Denied, l.home.Disk.MkdirAll(l.home.file("actions"), 0o700))
}

// get reads the deed of an id, nil without one. One that cannot be read is over:
// whatever it was, it may have been begun.
func (l *ledger) get(id string) (*deed, error) {
	data, err := readBounded(l.file(id + ".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	d := new(deed)
	if err != nil || json.Unmarshal(data, d) != nil || d.ID != id {
		return &deed{ID: id, Stage: over}, nil
	}
	return d, nil
}

// put makes a deed durable.
func (l *ledger) put(d *deed) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return l.home.Disk.WriteFile(l.file(d.ID+".json"), data, 0o600)
}

// deeds reads all, the oldest first; those to cancel others before the others.
func (l *ledger) deeds() (all []*deed, err error) {
	names, err := l.names(".json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		d, err := l.get(strings.TrimSuffix(name, ".json"))
		if err != nil {
			return nil, err
		}
		if d != nil {
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b *deed) int {
		if (a.Kind == action.Cancel) != (b.Kind == action.Cancel) {
			if a.Kind == action.Cancel {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Turn, b.Turn)
	})
	return all, nil
}

func (l *ledger) names(ext string) (names []string, err error) {
	entries, err := os.ReadDir(l.home.file("actions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if !durable.IsTemp(e.Name()) && strings.HasSuffix(e.Name(), ext) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// A signer makes the signed report of a result.
type signer func(*action.Result) ([]byte, error)

// admit takes an order: it is kept to be begun, or its refusal is. One that is known
// is passed over, so that the server may send it as often as it likes.
func (l *ledger) admit(o api.Order, h action.Host, sign signer) error {
	m, err := action.Verify(o.Message, proofOf(o), h)
	if m == nil {
		// Nothing that an unsigned message says counts: to burn somebody's id, say.
		return l.refuse(o, err, sign)
	}
	a := m.Action
	known, kerr := l.get(a.ID)
	if kerr != nil {
		return kerr
	}
	if known != nil {
		return l.again(known, m, sign)
	}
	switch {
	case errors.Is(err, action.ErrExpired):
		return l.say(o.Message, &action.Result{Action: a.ID, State: action.Expired, Text: err.Error()}, sign)
	case err != nil && !errors.Is(err, action.ErrEarly):
		return l.refuse(o, err, sign)
	}
	if err := l.room(a); err != nil {
		return l.refuse(o, err, sign)
	}
	turn, err := l.nextTurn()
	if err != nil {
		return err
	}
	return l.put(&deed{ID: a.ID, SHA256: m.SHA256, Kind: a.Kind, Stage: waiting, Received: l.now().Unix(), Turn: turn, NotBefore: a.NotBefore, NotAfter: a.NotAfter, Order: &o})
}

// nextTurn is behind all that were admitted.
func (l *ledger) nextTurn() (int64, error) {
	if l.turn == 0 {
		all, err := l.deeds()
		if err != nil {
			return 0, err
		}
		for _, d := range all {
			l.turn = max(l.turn, d.Turn)
		}
	}
	l.turn++
	return l.turn, nil
}

func proofOf(o api.Order) (p action.Proof) {
	if o.Proof != nil {
		p = action.Proof(*o.Proof)
	}
	return p
}

// again answers one that came before. Of one that was cancelled before it came, the
// server has heard nothing.
func (l *ledger) again(d *deed, m *action.Message, sign signer) error {
	if !d.Cancelled || d.SHA256 != "" {
		return nil
	}
	d.SHA256 = m.SHA256
	return l.finish(d, &action.Result{State: action.Cancelled, Text: "it was cancelled before it came"}, sign)
}

// room refuses what may have been done and forgotten, and more than there is room for.
func (l *ledger) room(a *action.Action) error {
	floor, err := l.floor()
	if err != nil {
		return err
	}
	if a.NotAfter <= floor {
		return muster.Errorf(muster.Denied, "an action of that time may have been done already: this host has forgotten those up to %s", time.Unix(floor, 0).UTC().Format(time.RFC3339))
	}
	names, err := l.names(".json")
	if err == nil && len(names) >= maxDeeds {
		err = muster.Errorf(muster.Busy, "this host has %d actions to remember, and takes no more", len(names))
	}
	return err
}

func (l *ledger) floor() (n int64, err error) {
	data, err := readBounded(l.file("floor"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscanf(string(data), "%d", &n)
	return n, err
}

// refuse keeps a signed refusal for the server.
func (l *ledger) refuse(o api.Order, why error, sign signer) error {
	r := &action.Result{State: action.Refused, Text: why.Error()}
	if a, _, err := action.Inspect(o.Message); err == nil {
		r.Action = a.ID
	}
	return l.say(o.Message, r, sign)
}

// say keeps a report of an action that is no deed, while there is room: the server
// that wants to know sends the action again.
func (l *ledger) say(message []byte, r *action.Result, sign signer) error {
	kept, err := l.names(".p7m")
	if err != nil || len(kept) >= maxRefusals {
		return err
	}
	r.SHA256 = action.Sum(message)
	report, err := sign(r)
	if err != nil {
		return err
	}
	return l.home.Disk.WriteFile(l.file("refused-"+r.SHA256+".p7m"), report, 0o600)
}

// begin writes down that d is begun, before it is.
func (l *ledger) begin(d *deed) error {
	d.Stage, d.Begun, d.Boot = begun, l.now().Unix(), bootID()
	return l.put(d)
}

// finish writes down what d came to, with the report of it.
func (l *ledger) finish(d *deed, r *action.Result, sign signer) (err error) {
	r.Action, r.SHA256, r.Begun = d.ID, d.SHA256, d.Begun
	if r.State != action.Cancelled && r.State != action.Expired {
		r.Ended = l.now().Unix()
	}
	if d.Report, err = sign(r); err != nil {
		return err
	}
	d.Stage, d.Order = over, nil
	return l.put(d)
}

// recover reports what was under way when the host or the agent stopped. None of it
// is begun again.
func (l *ledger) recover(sign signer) error {
	all, err := l.deeds()
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.Stage != begun || l.restarts(d) {
			continue
		}
		r := &action.Result{State: action.Interrupted, Text: "the agent or the machine stopped while it was at it; it is not begun again"}
		if d.Kind == action.Reboot && d.Boot != "" && bootID() != d.Boot {
			r = &action.Result{State: action.Done, Text: "the machine has started again"}
		}
		if err := l.finish(d, r, sign); err != nil {
			return err
		}
	}
	return nil
}

// restarts reports whether the machine was told to start anew by d, and is about to.
func (l *ledger) restarts(d *deed) bool {
	now := l.now().Unix()
	return d.Kind == action.Reboot && d.Stage == begun && d.Boot != "" && d.Boot == bootID() && d.Begun <= now && now < d.Begun+starting
}

// cancel has the action of an id not be begun, and says what it came to.
func (l *ledger) cancel(id string, sign signer) (text string, err error) {
	d, err := l.get(id)
	switch {
	case err != nil:
		return "", err
	case d == nil:
		// It may still come: the server, or who stands in its place, decides when.
		return "it had not come, and is not begun when it does",
			l.put(&deed{ID: id, Stage: over, Cancelled: true, Received: l.now().Unix(), NotAfter: l.now().Unix() + tombKept})
	case d.Cancelled:
		return "it was cancelled before", nil
	case d.Stage != waiting:
		return "", muster.Errorf(muster.Conflict, "it is too late to cancel %s: it is %s", id, d.Stage)
	}
	d.Cancelled = true
	return "it is not begun", l.finish(d, &action.Result{State: action.Cancelled, Text: "cancelled before it was begun"}, sign)
}

// A saidReport is a report that the server has not acknowledged.
type saidReport struct {
	id   string // of a deed, "" of a refusal
	name string
	der  []byte
}

// reports are those that the server does not have, at most max.
func (l *ledger) reports(max int) (all []saidReport, more bool, err error) {
	deeds, err := l.deeds()
	if err != nil {
		return nil, false, err
	}
	for _, d := range deeds {
		if d.Report != nil {
			all = append(all, saidReport{id: d.ID, der: d.Report})
		}
	}
	refusals, err := l.names(".p7m")
	if err != nil {
		return nil, false, err
	}
	for _, name := range refusals[:min(len(refusals), max)] {
		if data, err := readBounded(l.file(name)); err == nil {
			all = append(all, saidReport{name: name, der: data})
		}
	}
	n := fitting(all, max)
	return all[:n], n < len(all) || len(refusals) > max, nil
}

// fitting is how many reports go into one check-in, one in any case.
func fitting(all []saidReport, max int) int {
	size := 0
	for i, r := range all {
		if size += len(r.der); i > 0 && (i == max || size > maxSaid) {
			return i
		}
	}
	return len(all)
}

// acknowledged forgets reports that the server has.
func (l *ledger) acknowledged(all []saidReport) error {
	for _, r := range all {
		if r.id == "" {
			if err := l.home.Disk.Remove(l.file(r.name)); err != nil {
				return err
			}
			continue
		}
		d, err := l.get(r.id)
		if err != nil {
			return err
		}
		if d == nil || d.Report == nil {
			continue
		}
		d.Report = nil
		if err := l.put(d); err != nil {
			return err
		}
	}
	return nil
}

// prune forgets what no host begins any more. The floor goes first.
func (l *ledger) prune() error {
	all, err := l.deeds()
	if err != nil {
		return err
	}
	now := l.now().Unix()
	old := slices.DeleteFunc(all, func(d *deed) bool {
		return d.Stage != over || now < d.NotAfter+dayLong || d.Report != nil && now < d.NotAfter+reportKept
	})
	floor, err := l.floor()
	if err != nil || len(old) == 0 {
		return err
	}
	was := floor
	for _, d := range old {
		if !d.Cancelled || d.SHA256 != "" { // of one that never came the time is not known
			floor = max(floor, d.NotAfter)
		}
	}
	if floor > was {
		if err := l.home.Disk.WriteFile(l.file("floor"), fmt.Appendf(nil, "%d\n", floor), 0o600); err != nil {
			return err
		}
	}
	for _, d := range old {
		if err := l.home.Disk.Remove(l.file(d.ID + ".json")); err != nil {
			return err
		}
	}
	return nil
}
