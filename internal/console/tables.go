package console

import (
	"net/http"
	"strconv"
	"strings"

	"muster/api"
)

// Lists of the console as a whole, for other programs: as CSV and JSON.

func decimal(n int) string { return strconv.Itoa(n) }

func rolloutsTable(v *visit, w http.ResponseWriter) error {
	page, err := v.api.Rollouts(v.ctx())
	if err != nil {
		return err
	}
	t := v.table(w, "rollouts", "id", "package", "version", "state", "rings-open", "hosts", "done", "failed", "since", "why", "waits")
	for _, r := range page.Rollouts {
		c := r.Total()
		t.row(r.ID, r.Package, r.Of, r.State, decimal(r.Ring), decimal(c.Hosts), decimal(c.Done), decimal(c.Failed), api.CellTime(r.Since), r.Why, r.Waits)
	}
	return t.end(nil)
}

func actionsTable(v *visit, w http.ResponseWriter) error {
	t := v.table(w, "actions", "id", "state", "kind", "what", "reason", "signers", "hosts", "done", "failed", "refused", "created", "begins", "ends")
	for q := (api.ActionQuery{State: api.ActionState(v.query("state")), Host: v.query("host"), Limit: 1000}); ; {
		page, err := v.api.Actions(v.ctx(), q)
		for _, x := range page.Actions {
			t.row(x.ID, string(x.State), x.Kind, x.Title, x.Reason, strings.Join(x.Signers, " + "), decimal(x.Hosts),
				decimal(x.Counts["done"]), decimal(x.Counts["failed"]), decimal(x.Counts["refused"]), api.CellTime(x.Created), api.CellTime(x.Begins), api.CellTime(x.Ends))
		}
		if q.Cursor = page.Next; err != nil || t.err != nil || q.Cursor == "" {
			return t.end(err)
		}
	}
}

func targetsTable(v *visit, w http.ResponseWriter) error {
	t := v.table(w, "action-"+short(v.PathValue("id")), "host", "name", "state", "status", "at", "note")
	for q := (api.TargetQuery{State: v.query("state"), Limit: 1000}); ; {
		page, err := v.api.ActionTargets(v.ctx(), v.PathValue("id"), q)
		for _, x := range page.Targets {
			t.row(x.Host, x.Name, x.State, string(x.Status), api.CellTime(x.At), x.Note)
		}
		if q.Cursor = page.Next; err != nil || t.err != nil || q.Cursor == "" {
			return t.end(err)
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
	t := v.table(w, "audit", "number", "time", "who", "address", "what", "route", "verb", "target", "outcome", "reason", "digest", "content")
	for q.Limit = 1000; t.rows < maxAudit && t.err == nil; {
		page, err := v.api.Audit(v.ctx(), q)
		if err != nil {
			return t.end(err)
		}
		for _, e := range page.Entries {
			t.row(strconv.FormatInt(e.Number, 10), api.CellTime(e.Time), e.Who, e.Address, e.What, e.Route, e.Verb, e.Target, e.Outcome, e.Reason, e.Digest, e.Content)
		}
		if len(page.Entries) < q.Limit || page.Entries[len(page.Entries)-1].Number == 0 {
			break
		}
		q.Before = page.Entries[len(page.Entries)-1].Number
	}
	return t.end(nil)
}

func peopleTable(v *visit, w http.ResponseWriter) error {
	t := v.table(w, "people", "name", "disabled", "password", "groups", "rights", "seen", "created")
	for q := (api.ListQuery{Limit: 1000}); ; {
		page, err := v.api.FindPeople(v.ctx(), q)
		for _, p := range page.People {
			t.row(p.Name, strconv.FormatBool(p.Disabled), strconv.FormatBool(p.Password), strings.Join(p.Groups, " "), strings.Join(p.Rights, " "), api.CellTime(p.Seen), api.CellTime(p.Created))
		}
		if q.Cursor = page.Next; err != nil || t.err != nil || q.Cursor == "" {
			return t.end(err)
		}
	}
}

func rulesTable(v *visit, w http.ResponseWriter) error {
	page, err := v.api.Rules(v.ctx())
	if err != nil {
		return err
	}
	t := v.table(w, "rights", "rule", "who", "verbs", "hosts", "expires", "note", "created", "by")
	for _, r := range page.Rules {
		verbs := make([]string, len(r.Verbs))
		for i, verb := range r.Verbs {
			verbs[i] = string(verb)
		}
		t.row(strconv.FormatInt(r.ID, 10), r.Who, strings.Join(verbs, " "), r.Hosts, api.CellTime(r.Expires), r.Note, api.CellTime(r.Created), r.By)
	}
	return t.end(nil)
}
