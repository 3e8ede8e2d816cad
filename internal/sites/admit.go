package sites

import (
	"bytes"
	"context"
	"encoding/hex"
	"time"

	"muster"
)

// admit finds the site, and holds the sender to it.
func (t *taking) admit(ctx context.Context) error {
	name := t.r.Site
	if name == "" {
		name = t.from.Proven
	}
	if t.from.Proven != "" && name != t.from.Proven {
		return muster.Errorf(muster.Denied, "the report is of site %q, and its key or certificate is not for that", cut(name, 60))
	}
	if name == "" {
		return muster.WithHint(muster.Errorf(muster.Invalid, "the report does not say of which site it is"), "name the site: --site NAME")
	}
	var err error
	if t.site, err = t.s.record(ctx, name); err != nil {
		return err
	}
	if t.site == nil || t.from.Proven == "" && !t.site.lets(t.from.Address) {
		return t.notOf(name)
	}
	t.siteNum = t.site.ID
	return nil
}

// checkTime holds the time of a report to the server's. A report that proves whose it
// is has to have one, or it could come again for ever.
func (t *taking) checkTime() error {
	r := t.r
	if t.from.Agent != "" {
		return nil // which has counters of its own
	}
	if t.from.Proven != "" && (r.Time == 0 || r.Nonce == "") {
		return muster.Errorf(muster.Invalid, "the report of host %q has no time or no nonce", r.Host)
	}
	if r.Time == 0 {
		return nil
	}
	if ahead := r.Time - t.now; ahead > int64(t.s.Skew/time.Second) {
		return muster.WithHint(muster.Errorf(muster.Invalid, "the report of host %q is from %d s ahead", r.Host, ahead), "set the clock of the host")
	}
	if t.now-r.Time > int64(t.s.Window/time.Second) {
		return muster.WithHint(muster.Errorf(muster.Invalid, "the report of host %q is more than %s old", r.Host, t.s.Window), "set the clock of the host")
	}
	var err error
	if t.nonce, err = hex.DecodeString(r.Nonce); err != nil || len(t.nonce) > 16 {
		return muster.Errorf(muster.Invalid, "the nonce of the report is not hexadecimal")
	}
	return nil
}

// fresh refuses a report that came before, or is older than what came.
func (t *taking) fresh(was *hostRow) error {
	t.at = t.now
	if t.r.Time != 0 {
		t.at = min(t.r.Time, t.now)
	}
	if was == nil {
		return nil
	}
	t.at = max(t.at, was.seen, was.changed, was.gone)
	if t.r.Time == 0 || t.from.Agent != "" {
		return nil
	}
	switch {
	case t.r.Time == was.sent && bytes.Equal(t.nonce, was.nonce):
		return muster.Errorf(muster.Conflict, "this report of host %q came before", t.r.Host)
	case t.r.Time <= was.sent:
		return muster.Errorf(muster.Conflict, "a newer report of host %q came before this one", t.r.Host)
	}
	return nil
}

// sent is the time of the newest report, which never goes back.
func (t *taking) sent() int64 {
	if t.was == nil {
		return t.r.Time
	}
	return max(t.r.Time, t.was.sent)
}
