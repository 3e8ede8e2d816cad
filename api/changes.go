package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"muster"
)

// RouteChanges is the feed of everything that happens.
const RouteChanges = "/api/v1/changes" // GET, person: [FeedQuery] -> [FeedPage]

// FeedQuery asks what happened after a cursor, the oldest first. It travels as the
// query of the URL.
type FeedQuery struct {
	// Since is FeedPage.Next of the page before. "" is now: the answer has no items, and
	// the cursor to begin with. FeedStart is as far back as anything is kept.
	Since string
	// Kinds leaves out all others: "host", "host.result", "inventory", "rollout",
	// "action.result", "advisory", "audit". A kind
	// without a dot stands for those that begin with it.
	Kinds []string
	// Wait is how long to wait for something to answer, at most 50 seconds.
	Wait  time.Duration
	Limit int // 100 where it is 0, at most 1,000
}

// FeedStart is the cursor before everything.
const FeedStart = "start"

// A FeedPage is some of what happened.
type FeedPage struct {
	Items []FeedItem `json:"items"`
	// Next is the cursor behind the page, also when it is empty. It stays good when the
	// server is started anew, and is good on all servers of a database.
	Next string `json:"next"`
}

// A FeedItem is one thing that happened. Of Event, Inventory, Rollout, Action, Target,
// Advisory and Audit it has that of its kind.
type FeedItem struct {
	ID string `json:"id"` // unique, the same whenever it is read
	// Kind is "host." and the event's what, "inventory", "rollout." and the state,
	// "action." and the state, "action.result", "advisory.new" or "advisory.gone", "support.extended" or "support.ended",
	// "site.removed", or "audit." and the entry's what.
	Kind string `json:"kind"`
	Time int64  `json:"time"`
	Host string `json:"host,omitempty"`
	Name string `json:"host-name,omitempty"`
	// Event is what happened to a host, or what it did. Of what it did the feed has the
	// summary: the first 50 steps, errors of 200 bytes, no output; [RouteEvents] has all.
	Event *Event `json:"event,omitempty"`
	// Inventory is what changed in a host's inventory, without values of sections.
	Inventory []HistoryChange `json:"inventory,omitempty"`
	// Rollout is a step of a rollout.
	Rollout *RolloutNews `json:"rollout,omitempty"`
	// Action is an action as it is now, whatever became of it since.
	Action *Action `json:"action,omitempty"`
	// Target is what a host says in the end of an action.
	Target *ActionTarget `json:"target,omitempty"`
	// Advisory is a serious advisory that came to a site, or left it, or the end of the
	// support of what its hosts run.
	Advisory *AdvisoryNews `json:"advisory,omitempty"`
	// Site is the name of one that was removed.
	Site string `json:"site,omitempty"`
	// Audit is an entry of the audit log, for those who may read it.
	Audit *AuditEntry `json:"audit,omitempty"`
}

// RolloutNews is a step of a rollout, and of which. Why it was taken is left out for who
// may not see every host, but where a person says it.
type RolloutNews struct {
	ID      string `json:"id"`
	Package string `json:"package"`
	Of      string `json:"of"` // its version
	RolloutStep
}

// ActionTarget is how far a host is with which action, without what it signed.
type ActionTarget struct {
	Action string `json:"action"` // id
	Kind   string `json:"kind"`
	Title  string `json:"title"`
	Target
}

// SiteRemoved is the kind of [FeedItem] for a site that was removed.
const SiteRemoved = "site.removed"

// FeedKinds are the kinds of [FeedItem]. The part before a dot stands for all that begin
// with it.
var FeedKinds = []string{
	"host.enrolled", "host.asked", "host.approved", "host.refused", "host.returned", "host.renewed", "host.cloned", "host.impostor", "host.forgotten", "host.result",
	"inventory",
	"rollout.running", "rollout.paused", "rollout.halted", "rollout.aborted", "rollout.completed",
	"action.held", "action.open", "action.over", "action.cancelled", "action.result",
	AdvisoryNew, AdvisoryGone, SupportExtended, SupportEnded,
	SiteRemoved,
	"audit.request", "audit.login", "audit.stranger", "audit.host", "audit.rollout", "audit.webhook", "audit.server",
}

// CheckKinds refuses kinds that nothing is of: who misspells one would wait for ever.
func CheckKinds(kinds []string) error {
	for _, k := range kinds {
		if !slices.ContainsFunc(FeedKinds, func(have string) bool { return have == k || strings.HasPrefix(have, k+".") }) {
			return muster.WithHint(muster.Errorf(muster.Invalid, "there is no kind of change %.50q", k), "%s", strings.Join(FeedKinds, ", "))
		}
	}
	return nil
}

// Is reports whether the item is of one of the kinds; none means all.
func (i *FeedItem) Is(kinds []string) bool {
	for _, k := range kinds {
		if i.Kind == k || strings.HasPrefix(i.Kind, k+".") {
			return true
		}
	}
	return len(kinds) == 0
}

// Changes lists what happened after a cursor, and waits for it where that is asked.
func (p *PersonClient) Changes(ctx context.Context, q FeedQuery) (out FeedPage, err error) {
	v := query("since", q.Since, "kinds", strings.Join(q.Kinds, ","), "wait", number(int64(q.Wait/time.Second)), "limit", number(q.Limit))
	r := request{method: http.MethodGet, path: RouteChanges, query: v, authorize: p.bearer, timeout: q.Wait + 30*time.Second}
	err = p.do(ctx, r, &out)
	return out, err
}
