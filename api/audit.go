package api

import (
	"context"
	"io"
	"net/http"

	"muster"
)

// Routes of the audit log.
const (
	RouteAudit           = "/api/v1/audit"            // GET, person: [AuditQuery] -> [AuditPage]
	RouteAuditEntry      = "/api/v1/audit/{number}"   // GET, person: [AuditProof]
	RouteAuditCheckpoint = "/api/v1/audit/checkpoint" // GET, person: ?from=SIZE -> [Checkpoint]
	RouteAuditExport     = "/api/v1/audit/export"     // GET, person: the whole log, as docs/auditlog.md says
)

// An AuditEntry says what a person did or was refused, or what the server did by
// itself. What is kept and hashed is its canonical JSON, so that the members
// stand in the order of their names.
type AuditEntry struct {
	Address string `json:"address,omitempty"` // that the request came from
	// Body is the SHA-256 of a body, as it was sent, that is too large for Content or is
	// none of JSON. One with secrets has none, by which they could be guessed.
	Body string `json:"body,omitempty"`
	// Content is what was asked for, as JSON, at most 2 KiB. Members that are secrets
	// are left out of it.
	Content string `json:"content,omitempty"`
	// Digest is the SHA-256, in hexadecimal, of what the target is a name of: the message
	// of an action, the manifest of a package.
	Digest string `json:"digest,omitempty"`
	// More is how many entries of the same kind were left out before this one: the
	// refusals of strangers are bounded.
	More   int64 `json:"more,omitempty"`
	Number int64 `json:"number"` // from 0, without a gap
	// Outcome is "begun" before a change is made, then "done", or the kind of the
	// error by which it was refused or failed.
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`  // the error
	Request string `json:"request,omitempty"` // the same in the entries of one request
	Route   string `json:"route,omitempty"`   // "PATCH /api/v1/hosts/{id}"
	Target  string `json:"target,omitempty"`  // what the route names: a host, a group, a file
	Time    int64  `json:"time"`
	Verb    string `json:"verb,omitempty"`
	What    string `json:"what"` // request, login, stranger, host, rollout, server
	Who     string `json:"who,omitempty"`
}

// The outcomes of an [AuditEntry] that are not kinds of errors.
const (
	AuditBegun = "begun"
	AuditDone  = "done"
)

// AuditQuery asks for entries. It travels as the query of the URL.
type AuditQuery struct {
	Before int64 // number: only earlier ones, the newest first; 0: from the newest
	Since  int64 // number: only this one and later ones, the oldest first; wins over Before
	Limit  int   // 100 where it is 0, at most 1,000
	Who    string
	What   string
	Target string
	From   int64 // Unix seconds; 0 is open
	To     int64
	Failed bool // only what was refused or failed
	// Forward has the oldest first though Since is 0.
	Forward bool
}

// An AuditPage lists entries of the log.
type AuditPage struct {
	Entries []AuditEntry `json:"entries"`
	Size    int64        `json:"size"` // of the log
}

// A Checkpoint is what the server signs of its log: a signed note (C2SP
// tlog-checkpoint) of size and root hash, with the hashes that prove that the log
// of another size is its beginning.
type Checkpoint struct {
	Note  string   `json:"note"`
	Key   string   `json:"key"`             // verifier key of the note
	Proof []string `json:"proof,omitempty"` // hashes, base64
}

// An AuditProof is one entry, and the hashes that prove that it stands in the log
// of the checkpoint.
type AuditProof struct {
	Entry      AuditEntry `json:"entry"`
	Checkpoint Checkpoint `json:"checkpoint"` // its proof is that of the entry
}

// Audit lists entries of the audit log.
func (p *PersonClient) Audit(ctx context.Context, q AuditQuery) (out AuditPage, err error) {
	v := query("before", number(q.Before), "since", number(q.Since), "limit", number(q.Limit), "who", q.Who, "what", q.What,
		"target", q.Target, "from", number(q.From), "to", number(q.To))
	if q.Failed {
		v.Set("failed", "1")
	}
	if q.Forward {
		v.Set("since", number(q.Since))
	}
	err = p.get(ctx, RouteAudit, v, &out)
	return out, err
}

// AuditEntry returns one entry with its proof.
func (p *PersonClient) AuditEntry(ctx context.Context, n int64) (out AuditProof, err error) {
	err = p.get(ctx, at(RouteAuditEntry, number(n)), nil, &out)
	return out, err
}

// AuditCheckpoint returns the newest checkpoint, with the proof that a log of the size
// from is its beginning; 0 asks for none.
func (p *PersonClient) AuditCheckpoint(ctx context.Context, from int64) (out Checkpoint, err error) {
	err = p.get(ctx, RouteAuditCheckpoint, query("from", number(from)), &out)
	return out, err
}

// AuditExport writes the whole log to w.
func (p *PersonClient) AuditExport(ctx context.Context, w io.Writer) error {
	return p.copy(ctx, request{method: http.MethodGet, path: RouteAuditExport, authorize: p.bearer}, w)
}

// copy sends r, and the body of the answer to w: it takes as long as it takes.
func (p *PersonClient) copy(ctx context.Context, r request, w io.Writer) error {
	r.timeout = -1
	r.read = func(_ http.Header, body io.Reader) error {
		if _, err := io.Copy(w, body); err != nil {
			return muster.Errorf(muster.Unavailable, "the answer broke off: %w", err)
		}
		return nil
	}
	return p.do(ctx, r, nil)
}
