package console

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"muster/api"
)

// Lists of the console as a whole, for other programs: as CSV and JSON.

func stamp(t int64) string {
	if t == 0 {
		return ""
	}
	return time.Unix(t, 0).UTC().Format(time.RFC3339)
}

func decimal(n int) string { return strconv.Itoa(n) }

func rolloutsTable(v *visit, w http.ResponseWriter) error {
	page, err := v.api.Rollouts(v.ctx())
	if err != nil {
		return err
	}
	t := &table{name: "rollouts", head: []string{"id", "package", "version", "state", "rings-open", "hosts", "done", "failed", "since", "why", "waits"}}
	for _, r := range page.Rollouts {
		c := r.Total()
		t.rows = append(t.rows, []string{r.ID, r.Package, r.Of, r.State, decimal(r.Ring), decimal(c.Hosts), decimal(c.Done), decimal(c.Failed), stamp(r.Since), r.Why, r.Waits})
	}
	return t.send(v, w)
}

func actionsTable(v *visit, w http.ResponseWriter) error {
	page, err := v.api.Actions(v.ctx(), api.ActionQuery{State: api.ActionState(v.query("state")), Host: v.query("host"), Limit: 1000})
	if err != nil {
		return err
	}
	t := &table{name: "actions", head: []string{"id", "state", "kind", "what", "reason", "signers", "hosts", "done", "failed", "refused", "created", "begins", "ends"}}
	for _, x := range page.Actions {
		t.rows = append(t.rows, []string{x.ID, string(x.State), x.Kind, x.Title, x.Reason, strings.Join(x.Signers, " + "), decimal(x.Hosts),
			decimal(x.Counts["done"]), decimal(x.Counts["failed"]), decimal(x.Counts["refused"]), stamp(x.Created), stamp(x.Begins), stamp(x.Ends)})
	}
	return t.send(v, w)
}

// maxTargets bounds the hosts of an action in one file.
const maxTargets = 200_000

func targetsTable(v *visit, w http.ResponseWriter) error {
	t := &table{name: "action-" + short(v.PathValue("id")), head: []string{"host", "name", "state", "status", "at", "note"}}
	for q := (api.TargetQuery{State: v.query("state"), Limit: 1000}); ; {
		page, err := v.api.ActionTargets(v.ctx(), v.PathValue("id"), q)
		if err != nil {
			return err
		}
		for _, x := range page.Targets {
			t.rows = append(t.rows, []string{x.Host, x.Name, x.State, string(x.Status), stamp(x.At), x.Note})
		}
		if q.Cursor = page.Next; q.Cursor == "" || len(t.rows) >= maxTargets {
			return t.send(v, w)
		}
	}
}

// maxAudit bounds the entries of one file; the whole log is an export.
const maxAudit = 100_000

func auditTable(v *visit, w http.ResponseWriter) error {
	q, err := v.auditQuery()
	if err != nil {
		return err
	}
	t := &table{name: "audit", head: []string{"number", "time", "who", "address", "what", "route", "verb", "target", "outcome", "reason", "digest", "content"}}
	for q.Limit = 1000; len(t.rows) < maxAudit; {
		page, err := v.api.Audit(v.ctx(), q)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			t.rows = append(t.rows, []string{strconv.FormatInt(e.Number, 10), stamp(e.Time), e.Who, e.Address, e.What, e.Route, e.Verb, e.Target, e.Outcome, e.Reason, e.Digest, e.Content})
		}
		if len(page.Entries) < q.Limit || page.Entries[len(page.Entries)-1].Number == 0 {
			break
		}
		q.Before = page.Entries[len(page.Entries)-1].Number
	}
	return t.send(v, w)
}

func peopleTable(v *visit, w http.ResponseWriter) error {
	page, err := v.api.People(v.ctx())
	if err != nil {
		return err
	}
	t := &table{name: "people", head: []string{"name", "disabled", "password", "groups", "rights", "seen", "created"}}
	for _, p := range page.People {
		t.rows = append(t.rows, []string{p.Name, strconv.FormatBool(p.Disabled), strconv.FormatBool(p.Password), strings.Join(p.Groups, " "), strings.Join(p.Rights, " "), stamp(p.Seen), stamp(p.Created)})
	}
	return t.send(v, w)
}

func rulesTable(v *visit, w http.ResponseWriter) error {
	page, err := v.api.Rules(v.ctx())
	if err != nil {
		return err
	}
	t := &table{name: "rights", head: []string{"rule", "who", "verbs", "hosts", "expires", "note", "created", "by"}}
	for _, r := range page.Rules {
		verbs := make([]string, len(r.Verbs))
		for i, verb := range r.Verbs {
			verbs[i] = string(verb)
		}
		t.rows = append(t.rows, []string{strconv.FormatInt(r.ID, 10), r.Who, strings.Join(verbs, " "), r.Hosts, stamp(r.Expires), r.Note, stamp(r.Created), r.By})
	}
	return t.send(v, w)
}
