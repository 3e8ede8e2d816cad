package console

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"muster"
	"muster/api"
)

// An auditPage lists entries of the audit log, the newest first.
type auditPage struct {
	Who, What, Target, From, To string
	Failed                      bool
	Wrong                       *problem
	Entries                     []auditLine
	Size                        int64
	First, Next                 string
	Checkpoint                  api.Checkpoint
	CSV, JSON                   string
	Whats                       []string
}

// An auditLine is an entry as a row.
type auditLine struct {
	api.AuditEntry
	Badge badge
	Did   string
}

// auditWhats are the kinds of entries.
var auditWhats = []string{"request", "login", "stranger", "host", "rollout", "server"}

func auditLineOf(e api.AuditEntry) auditLine {
	line := auditLine{AuditEntry: e, Badge: badge{"error", e.Outcome}, Did: e.Route}
	switch e.Outcome {
	case api.AuditDone:
		line.Badge = badge{"ok", "done"}
	case api.AuditBegun:
		line.Badge = badge{"running", "begun"}
	case string(muster.Denied):
		line.Badge = badge{"warning", "refused"}
	}
	if line.Did == "" {
		line.Did = e.What
	}
	return line
}

// auditQuery is what the URL asks for.
func (v *visit) auditQuery() (api.AuditQuery, error) {
	q := api.AuditQuery{Who: v.query("who"), What: v.query("what"), Target: v.query("target"), Failed: v.query("failed") != "", Limit: 100}
	var err error
	if q.From, err = day("from", v.query("from"), false); err != nil {
		return q, err
	}
	if q.To, err = day("to", v.query("to"), true); err != nil {
		return q, err
	}
	if text := v.query("before"); text != "" {
		if q.Before, err = strconv.ParseInt(text, 10, 64); err != nil {
			return q, muster.Errorf(muster.Invalid, "before: %.30q is no number of an entry", text)
		}
	}
	return q, nil
}

// auditAt is the address of a list of entries.
func (v *visit) auditAt(path, before string) string {
	pairs := []string{"before", before}
	for _, name := range []string{"who", "what", "target", "from", "to", "failed"} {
		pairs = append(pairs, name, v.query(name))
	}
	return v.link(path, pairs...)
}

func auditList(v *visit) (any, error) {
	out := &auditPage{Who: v.query("who"), What: v.query("what"), Target: v.query("target"), From: v.query("from"), To: v.query("to"),
		Failed: v.query("failed") != "", Whats: auditWhats, CSV: v.auditAt("/audit.csv", ""), JSON: v.auditAt("/audit.json", "")}
	q, err := v.auditQuery()
	if err != nil {
		out.Wrong = problemOf(err)
		return out, nil
	}
	page, err := v.api.Audit(v.ctx(), q)
	if err != nil {
		return nil, err
	}
	out.Size = page.Size
	for _, e := range page.Entries {
		out.Entries = append(out.Entries, auditLineOf(e))
	}
	if q.Before > 0 {
		out.First = v.auditAt("/audit", "")
	}
	if n := len(page.Entries); n == q.Limit && page.Entries[n-1].Number > 0 {
		out.Next = v.auditAt("/audit", strconv.FormatInt(page.Entries[n-1].Number, 10))
	}
	out.Checkpoint, err = v.api.AuditCheckpoint(v.ctx(), 0)
	return out, unlessDenied(err)
}

// An auditEntryPage is one entry, and what proves that it stands in the log.
type auditEntryPage struct {
	auditLine
	Content  string // indented
	Proof    api.Checkpoint
	Siblings []auditLine // of the same request
	Command  string
}

func auditEntry(v *visit) (any, error) {
	n, err := strconv.ParseInt(v.PathValue("number"), 10, 64)
	if err != nil {
		return nil, muster.Errorf(muster.NotFound, "%.30q is no number of an entry", v.PathValue("number"))
	}
	p, err := v.api.AuditEntry(v.ctx(), n)
	if err != nil {
		return nil, err
	}
	v.title = v.t("Entry %s", strconv.FormatInt(n, 10))
	out := &auditEntryPage{auditLine: auditLineOf(p.Entry), Proof: p.Checkpoint, Content: indented(p.Entry.Content),
		Command: command("auditlog", "show", strconv.FormatInt(n, 10))}
	if p.Entry.Request == "" {
		return out, nil
	}
	// The entries of one request are not far apart.
	near, err := v.api.Audit(v.ctx(), api.AuditQuery{Since: max(n-50, 1), Limit: 100})
	for _, e := range near.Entries {
		if e.Request == p.Entry.Request && e.Number != n {
			out.Siblings = append(out.Siblings, auditLineOf(e))
		}
	}
	return out, err
}

// indented is JSON for people, or the text as it is.
func indented(text string) string {
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return text
	}
	return string(data)
}

// auditExport is the whole log, which 'muster auditlog verify' reads.
func auditExport(v *visit, w http.ResponseWriter) error {
	out := &begun{w: w, name: "muster-audit.log", kind: "text/plain; charset=utf-8"}
	err := v.api.AuditExport(v.ctx(), out)
	if err != nil && out.yes {
		panic(http.ErrAbortHandler) // what breaks off must not look whole
	}
	return err
}

// auditCheckpoint is the newest checkpoint as a file to keep elsewhere.
func auditCheckpoint(v *visit, w http.ResponseWriter) error {
	c, err := v.api.AuditCheckpoint(v.ctx(), 0)
	if err != nil {
		return err
	}
	out := &begun{w: w, name: v.Now().UTC().Format("2006-01-02") + ".checkpoint", kind: "text/plain; charset=utf-8"}
	_, err = out.Write([]byte(strings.TrimRight(c.Note, "\n") + "\n"))
	return err
}
