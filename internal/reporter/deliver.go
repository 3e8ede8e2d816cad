package reporter

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"muster"
	"muster/sitereport"
)

// Waits between attempts grow from the first to the last; half of each is random,
// so that hosts that lost the same collector do not come back together.
const (
	firstWait = 5 * time.Second
	lastWait  = 5 * time.Minute
)

// A delivery is one report on its way, and what waits before it.
type delivery struct {
	*reporter
	sender *sender
	spool  *spool // nil: there is none
	name   string
	body   []byte
	kept   bool // the report is in the spool
	tried  bool // it was sent before, and the answer may have been lost
	out    outcome
}

// deliver sends a report, after those that wait. What is refused for good is thrown
// away; what may be taken later is kept.
func (r *reporter) deliver(ctx context.Context, report *sitereport.Report, t text) error {
	s, err := newSender(&r.opts)
	if err != nil {
		return err
	}
	spool, err := r.openSpool()
	if err != nil {
		return err
	}
	defer spool.release()
	d := &delivery{reporter: r, sender: s, spool: spool, name: nameOf(report), body: t.body}
	err = d.explain(d.attempts(ctx))
	return errors.Join(err, r.show(report, d, err))
}

// attempts begins, and begins again until the report is taken, is refused, or there
// were enough attempts. From the first failure on it is in the spool.
func (d *delivery) attempts(ctx context.Context) error {
	err := d.begin(ctx)
	for n := 0; ; n++ {
		later, ok := isLater(err)
		if !ok {
			return err
		}
		if kerr := d.keep(ctx); kerr != nil && n == 0 {
			d.warn("%v", kerr)
		}
		pause := d.pause(n)
		// Who says when to come back is not asked before; nor is one whom this host does not
		// believe: that does not change by itself.
		if tlsHint(err) != "" || n >= d.opts.retries || later.after > pause+lastWait || d.wait(ctx, max(pause, later.after)) != nil {
			return err
		}
		err = d.again(ctx)
	}
}

// explain says what becomes of a report that was not taken.
func (d *delivery) explain(err error) error {
	if err == nil {
		return nil
	}
	hint := tlsHint(err)
	if d.kept {
		if hint != "" {
			hint += "; "
		}
		return muster.WithHint(fmt.Errorf("%w: %w", errKept, err), "%sit waits in %q and goes with the next report", hint, d.spool.dir)
	}
	if hint != "" {
		return muster.WithHint(err, "%s", hint)
	}
	if _, ok := isLater(err); ok && d.spool == nil {
		return muster.WithHint(err, "--spool DIR keeps what cannot be sent for later")
	}
	return err
}

// tlsHint says what to do about a collector that this host does not believe; "" of other
// errors.
func tlsHint(err error) string {
	if errors.As(err, new(x509.UnknownAuthorityError)) {
		return "--ca FILE names the authority of its certificate, which the operators of the collector have (of a server that is its own: tls/cert.pem of its data folder)"
	}
	if errors.As(err, new(x509.HostnameError)) {
		return "--collector has to name it as its certificate does"
	}
	return ""
}

// pause is how long to wait before attempt n+1.
func (d *delivery) pause(n int) time.Duration {
	p := min(firstWait<<min(n, 10), lastWait)
	return p/2 + d.jitter(p/2)
}

// begin sends the report, or, where others wait, keeps it behind them and sends all.
func (d *delivery) begin(ctx context.Context) error {
	if len(d.waiting(ctx)) == 0 || !d.opts.mode.Stores() {
		return d.sendOwn(ctx)
	}
	unkept := d.keep(ctx)
	if unkept != nil {
		d.warn("%v", unkept)
	}
	err := d.drain(ctx)
	if later, ok := isLater(err); unkept == nil || ok && later.all {
		return err
	}
	return d.sendOwn(ctx)
}

// again is begin after a failure.
func (d *delivery) again(ctx context.Context) error {
	if !d.kept {
		return d.sendOwn(ctx)
	}
	return d.drain(ctx)
}

// sendOwn sends the report. That the collector knows it is good news when it was
// sent before; else its time or its host's name is not right.
func (d *delivery) sendOwn(ctx context.Context) (err error) {
	d.out, err = d.sender.send(ctx, d.body)
	if known := (*knownError)(nil); d.tried && errors.As(err, &known) {
		d.out, err = outcome{status: "known"}, nil
	}
	d.tried = true
	return err
}

// waiting lists what waits. What is wrong with the spool keeps no report from going.
func (d *delivery) waiting(ctx context.Context) []string {
	if d.spool == nil {
		return nil
	}
	if err := d.acquire(ctx, false); err != nil {
		// What waits there goes with the process that has it; this report goes without.
		d.warn("%v", err)
		d.spool = nil
		return nil
	}
	if d.spool.lock == nil {
		return nil
	}
	names, tooOld, err := d.spool.waiting(d.now())
	if err != nil {
		d.warn("%v", err)
	}
	for _, name := range tooOld {
		d.warn("threw away %s, which no collector takes any more", name)
	}
	return names
}

// acquire waits for the spool no longer than for an answer; after a signal to stop
// as long as it takes to keep a report.
func (d *delivery) acquire(ctx context.Context, create bool) error {
	limit := d.opts.timeout
	if ctx.Err() != nil {
		ctx, limit = context.WithoutCancel(ctx), min(limit, 2*time.Second)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return d.spool.acquire(ctx, create)
}

// keep puts the report into the spool, once. A report that is only asked about is
// worth nothing later.
func (d *delivery) keep(ctx context.Context) error {
	if d.kept || d.spool == nil || !d.opts.mode.Stores() {
		return nil
	}
	if err := d.acquire(ctx, true); err != nil {
		return err
	}
	dropped, err := d.spool.put(d.name, d.body)
	for _, name := range dropped {
		d.warn("threw away %s, since too much waits", name)
	}
	d.kept = err == nil
	return err
}

// drain sends what waits, the oldest first, until the collector takes nothing.
// It returns why the report of this run was not taken.
func (d *delivery) drain(ctx context.Context) error {
	var own error
	for _, name := range d.waiting(ctx) {
		err := d.sendKept(ctx, name)
		later, again := isLater(err)
		if again && later.all {
			return err
		}
		if name == d.name {
			own = err
		} else if err != nil && !again {
			d.warn("threw away %s: %v", name, err)
		}
		if again {
			continue
		}
		// What stays there by a fault is known to the collector the next time.
		if err := d.spool.remove(name); err != nil {
			d.warn("%v", err)
		}
		if name == d.name {
			d.kept = false
		}
	}
	return own
}

// sendKept sends a report that waits. One that waited before this run was sent before.
func (d *delivery) sendKept(ctx context.Context, name string) error {
	if name == d.name {
		return d.sendOwn(ctx)
	}
	body, err := d.spool.read(name)
	if err != nil {
		return err
	}
	_, err = d.sender.send(ctx, body)
	if known := (*knownError)(nil); errors.As(err, &known) {
		return nil
	}
	return err
}
