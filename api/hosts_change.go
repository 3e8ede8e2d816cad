package api

import (
	"context"
	"encoding/json"
	"net/http"
)

// MaxHostsChange bounds a [HostsChange], in bytes: of 200,000 hosts.
const MaxHostsChange = 8 << 20

// HostsChange changes many hosts in the same way, or forgets them: those that a query
// finds, or those that are named. Query and Hosts are not given together.
type HostsChange struct {
	Query *string  `json:"query,omitempty"` // in the language of package search; "" is all
	Hosts []string `json:"hosts,omitempty"` // ids
	// Preview: change nothing, and answer what would be.
	Preview bool `json:"preview,omitempty"`
	// Expect is what the preview answered; a query needs it. Where other hosts are meant
	// by now nothing changes.
	Expect *HostSet `json:"expect,omitempty"`
	Edit   HostEdit `json:"edit"`             // but the name, which is for one host
	Forget bool     `json:"forget,omitempty"` // in place of Edit
}

// A HostSet says which hosts are meant, without naming them.
type HostSet struct {
	Count  int    `json:"count"`
	Digest string `json:"digest"` // SHA-256 of their ids, sorted, each with a line feed
}

// HostsChanged answers [HostsChange]. Hosts are changed some hundred at a time: all of
// these, or none.
type HostsChanged struct {
	HostSet
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"` // were so already
	Refused   int `json:"refused"`   // may be seen and not be changed, or are not there
	// Hosts are the first thousand: those that were refused before the others.
	Hosts []HostChanged `json:"hosts"`
}

// A HostChanged is how a change went for one host.
type HostChanged struct {
	ID      string        `json:"id"`
	Name    string        `json:"name,omitempty"`
	Outcome ChangeOutcome `json:"outcome"`
	Why     string        `json:"why,omitempty"` // it was refused
}

// A ChangeOutcome is how a change went.
type ChangeOutcome string

// The outcomes.
const (
	Changed   ChangeOutcome = "changed"
	Unchanged ChangeOutcome = "unchanged"
	NotLet    ChangeOutcome = "refused"
)

// ChangeHosts changes many hosts in the same way, or says what that would do.
func (p *PersonClient) ChangeHosts(ctx context.Context, c HostsChange) (out HostsChanged, err error) {
	r := request{method: http.MethodPost, path: RouteHostsChange, authorize: p.bearer, timeout: -1}
	if r.body, err = json.Marshal(c); err != nil {
		return out, err
	}
	err = p.do(ctx, r, &out)
	return out, err
}
