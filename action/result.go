package action

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"muster"
	"muster/internal/canon"
	"muster/sign"
)

// ResultType is the type of the results that this package reads and writes.
const ResultType = "muster-action-result"

// A State is how far a host is with an action.
type State string

// The states that a host reports. All but Started are final.
const (
	Refused     State = "refused" // Text says why
	Started     State = "started" // and not over yet
	Done        State = "done"
	Failed      State = "failed"
	Interrupted State = "interrupted" // the host stopped while it was at it; it is not begun again
	Expired     State = "expired"     // its time was over before the host could begin
	Cancelled   State = "cancelled"
)

// States lists the states.
var States = []State{Refused, Started, Done, Failed, Interrupted, Expired, Cancelled}

// Final reports whether no other state follows.
func (s State) Final() bool { return s != Started }

// Bounds of a result.
const (
	MaxResult  = 256 << 10 // bytes of the signed message
	MaxText    = 8 << 10   // bytes
	maxChanges = 256
)

// A Result is what became of an action on one host, which signs it. Fields are in
// the order of their JSON names.
type Result struct {
	Action  string        `json:"action,omitempty"` // id; "" where the message could not be read
	Begun   int64         `json:"begun,omitempty"`  // Unix seconds by the host's clock
	Changes []Change      `json:"changes,omitempty"`
	Ended   int64         `json:"ended,omitempty"`
	Host    string        `json:"host"`
	SHA256  string        `json:"sha256"` // of the message
	State   State         `json:"state"`
	Status  muster.Status `json:"status,omitempty"` // of audit and check: the worst
	Text    string        `json:"text,omitempty"`   // the tail of what it said
	Type    string        `json:"type"`
}

// A Change is what happened to one package.
type Change struct {
	From string `json:"from,omitempty"`
	Name string `json:"name"`
	Op   string `json:"op"`
	To   string `json:"to,omitempty"`
}

// ParseResult reads a result in its only encoding and checks it.
func ParseResult(data []byte) (*Result, error) {
	if len(data) > MaxResult {
		return nil, muster.Errorf(muster.Invalid, "result of %d bytes is larger than %d", len(data), MaxResult)
	}
	var r Result
	if err := canon.Unmarshal(data, &r); err != nil {
		return nil, muster.Errorf(muster.Invalid, "result: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, muster.Errorf(muster.Invalid, "result: %w", err)
	}
	return &r, nil
}

func (r *Result) check() error {
	switch {
	case r.Type != ResultType:
		return fmt.Errorf("type is %.40q, not %q", r.Type, ResultType)
	case r.Action != "" && !isID(r.Action) || r.Action == "" && r.State != Refused:
		return fmt.Errorf("%.40q is no id of an action", r.Action)
	case !isHex(r.SHA256, 32):
		return fmt.Errorf("sha256 %.70q is none", r.SHA256)
	case r.Host == "" || len(r.Host) > maxHostLen || !isText(r.Host):
		return fmt.Errorf("%.70q is no id of a host", r.Host)
	case !slices.Contains(States, r.State):
		return fmt.Errorf("there is no state %.40q", r.State)
	case len(r.Text) > MaxText || !utf8.ValidString(r.Text):
		return fmt.Errorf("the text is not UTF-8 of at most %d bytes", MaxText)
	case len(r.Changes) > maxChanges:
		return fmt.Errorf("%d changes are more than %d", len(r.Changes), maxChanges)
	case len(r.Status) > 20 || r.Begun < 0 || r.Ended < 0 || r.Begun > maxTime || r.Ended > maxTime:
		return fmt.Errorf("a status or time is out of range")
	}
	return nil
}

// trim cuts what is too long to fit: a result that no server takes helps nobody.
func (r *Result) trim() {
	r.Text = Tail(r.Text)
	r.Changes = r.Changes[:min(len(r.Changes), maxChanges)]
	for i := range r.Changes {
		c := &r.Changes[i]
		for _, s := range []*string{&c.From, &c.Name, &c.Op, &c.To} {
			*s = toValid((*s)[:min(len(*s), 190)])
		}
	}
}

// Tail is the end of text that fits into a result, from the beginning of a line.
func Tail(text string) string {
	if len(text) > MaxText {
		text = text[len(text)-MaxText:]
		for i := range min(len(text), 400) {
			if text[i] == '\n' {
				text = text[i+1:]
				break
			}
		}
	}
	// What is not UTF-8 becomes longer: three bytes for one.
	for text = toValid(text); len(text) > MaxText; text = toValid(text) {
		text = text[len(text)-MaxText:]
	}
	return text
}

func toValid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if r == utf8.RuneError {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}

// Sign makes the message of r, by the host's key and certificate.
func (r *Result) Sign(at time.Time, host *sign.Identity) ([]byte, error) {
	r.Type = ResultType
	r.trim()
	if err := r.check(); err != nil {
		return nil, muster.Errorf(muster.Invalid, "result: %w", err)
	}
	content, err := canon.Marshal(r)
	if err != nil {
		return nil, err
	}
	return sign.Sign(content, false, at, host)
}

// OpenResult verifies a result: it is signed by the host that it names, whose
// certificate one of the authorities issued.
func OpenResult(der []byte, authorities []*x509.Certificate, now time.Time) (*Result, error) {
	if len(der) > MaxResult {
		return nil, muster.Errorf(muster.Invalid, "result of %d bytes is larger than %d", len(der), MaxResult)
	}
	content, sigs, err := sign.VerifyAttached(der, &sign.Trust{Anchors: authorities}, sign.Policy{Now: now, Listed: true})
	if err != nil {
		return nil, fmt.Errorf("result: %w", err)
	}
	r, err := ParseResult(content)
	if err != nil {
		return nil, err
	}
	// One signature: a host cannot be made to speak beside another.
	if len(sigs) != 1 || sigs[0].Signer.Subject.CommonName != r.Host {
		return nil, muster.Errorf(muster.Denied, "the result of host %q is not signed by it alone", r.Host)
	}
	return r, nil
}
