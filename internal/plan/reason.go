package plan

import (
	"fmt"
	"strings"
)

// Cause is why a step is taken, or why a package is there.
type Cause string

// The causes. Those from CauseAsked to CausePresent end a chain.
const (
	CauseAsked      Cause = "asked"      // the request names it
	CauseAssigned   Cause = "assigned"   // By assigns it
	CauseExplicit   Cause = "explicit"   // a person asked for it earlier
	CausePresent    Cause = "present"    // it is there, though nothing needs it
	CauseNewer      Cause = "newer"      // a newer version is available
	CausePinned     Cause = "pinned"     // Relation is its pin
	CauseNeeded     Cause = "needed"     // By has the dependency Relation
	CauseBack       Cause = "back"       // By calls it back to the version before
	CauseConflict   Cause = "conflict"   // removed: it and By conflict through Relation
	CauseBroken     Cause = "broken"     // removed: its dependency Relation is lost with By
	CauseUnneeded   Cause = "unneeded"   // removed: nothing needs it any more
	CauseUnassigned Cause = "unassigned" // removed: By no longer assigns it
	CauseForced     Cause = "forced"     // removed: the rest cannot be had with it
	CauseNewest     Cause = "newest"     // kept: already at the newest version
	CauseHeld       Cause = "held"       // kept: it is held
	CausePrevented  Cause = "prevented"  // kept: Relation is not possible; By says why
)

// A Reason is one link of a chain that ends at something a person or an
// assignment asked for.
type Reason struct {
	Cause    Cause   `json:"cause"`
	By       string  `json:"by,omitempty"`       // a package ("foo 1.2") or an assigner
	Relation string  `json:"relation,omitempty"` // "bar (>= 2)"
	Because  *Reason `json:"because,omitempty"`  // why By is there, or goes
}

// String is a sentence without its subject: "needed by foo 1.2 (depends on
// bar (>= 2)), which is asked for".
func (r *Reason) String() string {
	var b strings.Builder
	broken := false
	for link := r; link != nil; link = link.Because {
		switch {
		case link == r:
		case broken && link.Cause == CauseBroken:
			b.WriteString(", as it ")
		case broken:
			b.WriteString(", as ")
		default:
			b.WriteString(", which is ")
		}
		broken = link.Cause == CauseBroken
		b.WriteString(link.phrase())
	}
	return b.String()
}

func (r *Reason) phrase() string {
	switch r.Cause {
	case CauseAsked:
		return "asked for"
	case CauseAssigned:
		return "assigned by " + r.By
	case CauseExplicit:
		return "installed on request"
	case CausePresent:
		return "installed already"
	case CauseNewer:
		return "upgraded to the newest version"
	case CausePinned:
		return fmt.Sprintf("pinned to %s", r.Relation)
	case CauseNeeded:
		return fmt.Sprintf("needed by %s (depends on %s)", r.By, r.Relation)
	case CauseBack:
		return "called back by " + r.By
	case CauseConflict:
		return fmt.Sprintf("in conflict with %s (%s)", r.By, r.Relation)
	case CauseBroken:
		return fmt.Sprintf("depends on %s, but %s goes", r.Relation, r.By)
	case CauseUnneeded:
		return "no longer needed"
	case CauseUnassigned:
		return "no longer assigned by " + r.By
	case CauseForced:
		return "not possible beside the rest"
	case CauseNewest:
		return "already the newest version"
	case CauseHeld:
		return "held"
	case CausePrevented:
		return fmt.Sprintf("kept back from %s: %s", r.Relation, r.By)
	}
	return string(r.Cause)
}
