package api

// A Verb is one kind of thing that people may do. Every route of a person names
// the verb that it takes.
type Verb string

// The verbs. The last three concern the server as a whole: a rule that is for
// some hosts gives none of them.
const (
	VerbSelf   Verb = "self"   // what concerns nobody but the caller: it needs no rule
	VerbView   Verb = "view"   // see hosts, inventories, history, events, groups
	VerbReport Verb = "report" // exports, statistics
	VerbEdit   Verb = "edit"   // a host's name and unit; approve, refuse, forget hosts
	VerbAssign Verb = "assign" // packages of hosts, units and groups; groups and their members
	VerbDeploy Verb = "deploy" // rollouts: start, pause, resume, abort
	VerbAct    Verb = "act"    // send actions

	VerbPublish    Verb = "publish"    // packages that run code; remove packages
	VerbEnrol      Verb = "enrol"      // tokens for hosts, approvals before they ask
	VerbAdminister Verb = "administer" // people, rules, links of trust, webhooks, the audit log
)

// Verbs are all that a rule may give, in the order in which they are shown.
func Verbs() []Verb {
	return []Verb{VerbView, VerbReport, VerbEdit, VerbAssign, VerbDeploy, VerbAct, VerbPublish, VerbEnrol, VerbAdminister}
}

// Whole reports whether the verb concerns the server as a whole.
func (v Verb) Whole() bool { return v == VerbPublish || v == VerbEnrol || v == VerbAdminister }
