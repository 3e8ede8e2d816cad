package action

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"muster"
	"muster/control"
	"muster/internal/canon"
	"muster/sign"
)

// Type is the type of the actions that this package reads and writes.
const Type = "muster-action"

// A Kind says what hosts are to do.
type Kind string

// The kinds of action.
const (
	Update    Kind = "update"    // look for news now
	Upgrade   Kind = "upgrade"   // everything, or the packages that are named
	Install   Kind = "install"   // packages, as in "age" and "age>=1.3"
	Remove    Kind = "remove"    // packages
	Undo      Kind = "undo"      // the newest change, or that of the argument "change" or "action"
	Check     Kind = "check"     // files against manifests
	Audit     Kind = "audit"     // audit() of packages
	Inventory Kind = "inventory" // look at the whole machine and tell
	Reboot    Kind = "reboot"
	Run       Kind = "run"    // main() of Script, with Arguments as params
	Cancel    Kind = "cancel" // the action of the argument "id", where it has not begun
)

// Kinds lists the kinds of action.
var Kinds = []Kind{Update, Upgrade, Install, Remove, Undo, Check, Audit, Inventory, Reboot, Run, Cancel}

// Right is what a person needs to sign actions of this kind.
func (k Kind) Right() sign.Right {
	if k == Run {
		return sign.RightCode
	}
	return sign.RightDeploy
}

// Bounds of an action.
const (
	MaxAction   = 64 << 10 // bytes of the content
	MaxMessage  = 96 << 10 // bytes of the signed message: the content and the chains of its signers
	MaxSpan     = 24 * 60 * 60
	MaxQueue    = 30 * MaxSpan // seconds between NotBefore and NotAfter where it is Queued
	MaxAhead    = 30 * MaxSpan // seconds between now and NotBefore
	maxPackages = 256
	maxReason   = 500
	maxArgument = 4096
	maxTime     = 1 << 40 // seconds: some 35,000 years
)

// An Action is what hosts are told to do. Fields are in the order of their JSON
// names.
type Action struct {
	Arguments map[string]string `json:"arguments,omitempty"`
	ID        string            `json:"id"` // 128 bits, lower-case hexadecimal: see [NewID]
	Kind      Kind              `json:"kind"`
	// NotAfter is when no host begins any more, NotBefore when hosts may; Unix seconds.
	NotAfter  int64 `json:"not-after"`
	NotBefore int64 `json:"not-before"`
	// Packages are relations ("age>=1.3") to install, otherwise names.
	Packages []string `json:"packages,omitempty"`
	// Queued lets hosts that are away do it up to 30 days later.
	Queued  bool    `json:"queued,omitempty"`
	Reason  string  `json:"reason,omitempty"` // for people
	Script  string  `json:"script,omitempty"` // of Run: Starlark
	Server  string  `json:"server"`           // id of the server whose hosts are meant
	Targets Targets `json:"targets"`
	Type    string  `json:"type"`
}

// Parse reads an action in its only encoding and checks it.
func Parse(data []byte) (*Action, error) {
	if len(data) > MaxAction {
		return nil, muster.Errorf(muster.Invalid, "action of %d bytes is larger than %d", len(data), MaxAction)
	}
	var a Action
	if err := canon.Unmarshal(data, &a); err != nil {
		return nil, muster.Errorf(muster.Invalid, "action: %w", err)
	}
	if err := a.Validate(); err != nil {
		return nil, err
	}
	return &a, nil
}

// Encode writes a in its only encoding, if it is one that [Parse] reads.
func (a *Action) Encode() ([]byte, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	data, err := canon.Marshal(a)
	if err == nil && len(data) > MaxAction {
		err = muster.Errorf(muster.Invalid, "action of %d bytes is larger than %d", len(data), MaxAction)
	}
	return data, err
}

// Validate reports the first rule that a breaks, as an error of kind
// [muster.Invalid], or nil.
func (a *Action) Validate() error {
	for _, check := range []func() error{a.checkHead, a.checkTimes, a.checkContent, a.Targets.check} {
		if err := check(); err != nil {
			return muster.Errorf(muster.Invalid, "action: %w", err)
		}
	}
	return nil
}

func (a *Action) checkHead() error {
	if a.Type != Type {
		return fmt.Errorf("type is %.40q, not %q", a.Type, Type)
	}
	if !isID(a.ID) {
		return fmt.Errorf("id %.40q is not of 32 hexadecimal digits", a.ID)
	}
	if a.Server == "" || len(a.Server) > 64 || !utf8.ValidString(a.Server) {
		return fmt.Errorf("%.70q is no id of a server", a.Server)
	}
	if !slices.Contains(Kinds, a.Kind) {
		return fmt.Errorf("there is no kind %.40q", a.Kind)
	}
	if len(a.Reason) > maxReason || !isText(a.Reason) {
		return fmt.Errorf("the reason is not text of at most %d bytes", maxReason)
	}
	return nil
}

func (a *Action) checkTimes() error {
	span, most := a.NotAfter-a.NotBefore, int64(MaxSpan)
	if a.Queued {
		most = MaxQueue
	}
	switch {
	case a.NotBefore <= 0 || a.NotAfter > maxTime || span <= 0:
		return fmt.Errorf("it may begin from %d to %d, which is no time", a.NotBefore, a.NotAfter)
	case span > most && !a.Queued:
		return fmt.Errorf("it may begin for %s; one that is not queued may for a day", hours(span))
	case span > most:
		return fmt.Errorf("it may begin for %s, longer than %s", hours(span), hours(most))
	}
	return nil
}

// hours writes a number of seconds for people: "720h5m".
func hours(seconds int64) string {
	d := time.Duration(min(seconds, 1<<32)) * time.Second
	return strings.TrimSuffix(d.Truncate(time.Minute).String(), "0s")
}

// checkContent holds packages, script and arguments to what the kind takes:
// nobody signs what hosts would pass over.
func (a *Action) checkContent() error {
	if err := a.checkPackages(); err != nil {
		return err
	}
	if (a.Kind == Run) != (a.Script != "") {
		return fmt.Errorf("a script belongs to %s, and to no other kind", Run)
	}
	if !utf8.ValidString(a.Script) {
		return fmt.Errorf("the script is not UTF-8")
	}
	for name, value := range a.Arguments {
		if !a.Kind.takes(name) {
			return fmt.Errorf("%s takes no argument %.40q", a.Kind, name)
		}
		if len(name) > 64 || len(value) > maxArgument || !utf8.ValidString(name) || !utf8.ValidString(value) {
			return fmt.Errorf("argument %.40q is not text of at most %d bytes", name, maxArgument)
		}
	}
	return a.checkReference()
}

// takes reports whether actions of the kind have the argument.
func (k Kind) takes(name string) bool {
	switch k {
	case Run:
		return name != ""
	case Cancel:
		return name == "id"
	case Undo:
		return name == "action" || name == "change"
	}
	return false
}

// checkReference looks at what an action says of others.
func (a *Action) checkReference() error {
	switch a.Kind {
	case Cancel:
		if id := a.Arguments["id"]; !isID(id) || id == a.ID {
			return fmt.Errorf("%.40q is no id of an action to cancel", id)
		}
	case Undo:
		if id, ok := a.Arguments["action"]; ok && !isID(id) {
			return fmt.Errorf("%.40q is no id of an action to undo", id)
		}
		if n, ok := a.Arguments["change"]; ok && !isNumber(n) {
			return fmt.Errorf("%.40q is no number of a change", n)
		}
		if len(a.Arguments) > 1 {
			return fmt.Errorf("a change and an action are named to undo")
		}
	}
	return nil
}

func (a *Action) checkPackages() error {
	switch a.Kind {
	case Install, Remove:
		if len(a.Packages) == 0 {
			return fmt.Errorf("%s names no package", a.Kind)
		}
	case Upgrade, Check, Audit:
	default:
		if len(a.Packages) > 0 {
			return fmt.Errorf("%s takes no packages", a.Kind)
		}
	}
	if len(a.Packages) > maxPackages {
		return fmt.Errorf("%d packages are more than %d", len(a.Packages), maxPackages)
	}
	for _, p := range a.Packages {
		check := control.CheckName
		if a.Kind == Install {
			check = func(s string) error { _, err := control.ParseRelation(s); return err }
		}
		if err := check(p); err != nil {
			return err
		}
	}
	return nil
}

// String says what a does, for people: "install age, git".
func (a *Action) String() string {
	words := []string{string(a.Kind)}
	switch a.Kind {
	case Cancel:
		words = append(words, a.Arguments["id"])
	case Undo:
		for _, of := range []string{"action", "change"} {
			if v := a.Arguments[of]; v != "" {
				words = append(words, of, v)
			}
		}
	default:
		words = append(words, strings.Join(a.Packages, ", "))
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// isID reports whether s is an id of an action.
func isID(s string) bool { return isHex(s, 16) }

// isHex reports whether s is n bytes in lower-case hexadecimal.
func isHex(s string, n int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == n && strings.ToLower(s) == s
}

func isNumber(s string) bool {
	return s != "" && len(s) <= 9 && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}

// isText reports whether a line of s can be shown: UTF-8 without control
// characters, which would let it change what a terminal shows beside it.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 })
}
