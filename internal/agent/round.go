package agent

import (
	"context"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"muster"
	"muster/api"
	"muster/internal/collect"
	"muster/internal/engine"
	"muster/internal/install"
	"muster/internal/plan"
	"muster/inventory"
)

// A Job is what a round is to do.
type Job struct {
	Root    string
	Version string // of muster
	Now     func() time.Time
	Log     func(format string, args ...any)
	// Update looks for news in the repositories.
	Update bool
	// Collect looks at the machine: it may have changed.
	Collect bool
	// Wait is how long to wait for another muster to finish with the root.
	Wait time.Duration
	// Waiting is what an upgrade waits for, nil for nothing.
	Waiting *Waiting
	// Rate is the most bytes a second to fetch; 0 is no limit.
	Rate int64
	// NoMemberships has the host not believe what the server says of its groups.
	NoMemberships bool
	// Package is the agent's own, which it updates itself by; "" does not.
	Package string
}

func (j *Job) limiter() *rate.Limiter {
	if j.Rate <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(j.Rate), 64<<10)
}

// An Outcome is what a round found: what the loop plans the next one by.
type Outcome struct {
	// Next is when the server wants the host back; 0: it said nothing.
	Next time.Duration
	// Wake is the number of the server's newest wish, Waking that it tells of a
	// newer one.
	Wake   int64
	Waking bool
	// Upgrade is what an upgrade would do now, nil where that is not known.
	Upgrade *Upgradable
	// Offline is why the server could not be told, nil when it was.
	Offline *Failure
	// Ahead is how far the server's clock is ahead of the host's, 0 where the server
	// accepts what is signed by the host's.
	Ahead time.Duration
	// Seen is the time of the newest head of a repository, in Unix seconds.
	Seen int64
	// After is how long the server asked not to be bothered, with Offline.
	After time.Duration
	// Stale: no repository has a head that is still good.
	Stale bool
	// Problem is why something else than the server failed.
	Problem *Failure
	// NewAgent is a version of the agent that is staged, "" for none.
	NewAgent string
	// Orders are signed actions that came with an answer.
	Orders []api.Order
	// More: the server waits for results that did not fit.
	More bool
}

// An Upgradable is what an upgrade would do.
type Upgradable struct {
	Steps  []string `json:"steps,omitempty"`  // "upgrade age 1.2-1 to 1.3-1"
	Forced int64    `json:"forced,omitempty"` // Unix seconds: the earliest forced-install-on of the steps
	// Processes are programs that should be closed before.
	Processes []string `json:"processes,omitempty"`
	Download  int64    `json:"download,omitempty"` // bytes that are not in the cache
}

// A round is one under way.
type round struct {
	Job
	home    *Home
	engine  *engine.Engine
	link    *Link // nil: the root has joined no server
	known   *known
	status  []engine.Status
	summary *api.Summary
	base    *inventory.Document
	out     *Outcome
	renewal bool // the server asked for it
	stamps  map[string]string
	found   *collect.Report // of this round's look at the whole machine, nil without one
}

// Round asks the server and the repositories for news, looks at what the host has
// and tells the server what it does not know yet. What fails is in the outcome:
// without the server the host goes on from signed packages, without a repository
// from what is in the cache.
func Round(ctx context.Context, j Job) (*Outcome, error) {
	r := &round{Job: j, out: &Outcome{}}
	end, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	if err := r.hear(ctx); err != nil {
		return nil, err
	}
	r.news(ctx)
	if seen := newestHead(r.engine); !seen.IsZero() {
		r.out.Seen = seen.Unix()
	}
	r.fail(r.choose(ctx))
	r.resolve()
	r.fail(r.stock(ctx))
	r.known.Wake = r.out.Wake // not before: a crash has the next round look
	if r.Package != "" {
		r.fail(r.selfUpdate(ctx))
	}
	if err := r.look(); err != nil {
		return nil, err
	}
	if r.link == nil {
		return r.out, nil
	}
	return r.out, r.tell(ctx)
}

// open opens the root and the link, and takes both locks, always in this order.
func (r *round) open(ctx context.Context) (end func(), err error) {
	if r.engine, err = openEngine(r.Root, r.Now); err != nil {
		return nil, err
	}
	r.home = HomeOf(r.engine.Root.State, r.engine.Root.Disk)
	r.engine.Fetch.Limit = r.limiter()
	r.known = r.home.known()
	_, unlock, err := r.engine.Begin(ctx, r.Wait, install.Options{User: "agent"})
	if err != nil {
		return nil, err
	}
	r.link, err = OpenLink(r.home, Dialing{Version: r.Version, Now: r.Now, Seen: newestHead(r.engine)})
	if muster.KindOf(err) == muster.NotFound {
		return unlock, nil
	}
	var silence func()
	if err == nil {
		silence, err = r.home.Lock()
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return func() { silence(); r.link.Close(); unlock() }, nil
}

// newestHead is the time of the newest head of all repositories.
func newestHead(e *engine.Engine) (seen time.Time) {
	for _, c := range e.Clients {
		if h := c.Head(); h != nil && time.Unix(h.Date, 0).After(seen) {
			seen = time.Unix(h.Date, 0)
		}
	}
	return seen
}

// openEngine opens a root with the authorities that its host pinned.
func openEngine(dir string, now func() time.Time) (*engine.Engine, error) {
	e, err := engine.Open(dir, engine.Options{Now: now})
	if err != nil {
		return nil, err
	}
	e.Fetch.Roots, err = HomeOf(e.Root.State, e.Root.Disk).Roots()
	return e, err
}

// hear makes the first check-in: what the server wants decides what is planned.
func (r *round) hear(ctx context.Context) error {
	if r.link == nil {
		return nil
	}
	if err := r.home.gather(r.engine, r.link.Identity, r.known); err != nil {
		return err
	}
	if err := r.tellBad(); err != nil {
		return err
	}
	return r.checkIn(ctx, nil, nil)
}

// fail notes why the host is not as it should be.
func (r *round) fail(err error) {
	if err == nil {
		return
	}
	r.Log("%v", err)
	if r.out.Problem == nil {
		r.out.Problem = failureOf(err)
	}
}

// look plans an upgrade and counts what is not as it should be.
func (r *round) look() error {
	var err error
	if r.status, err = r.engine.Status(false); err != nil {
		return err
	}
	r.summary = Summarize(r.status)
	if w := r.Waiting; w != nil {
		r.summary.Postponed, r.summary.Until = w.For, w.Until
	}
	p, err := r.engine.Plan(engine.Request{Upgrade: true})
	r.fail(err)
	if err == nil {
		r.out.Upgrade = upgradable(r.engine, p)
		p.Close()
	}
	if r.summary.Problem == "" && r.out.Problem != nil {
		r.summary.Problem = cut(r.out.Problem.Message, 500)
	}
	return nil
}

// upgradable says what a plan would do.
func upgradable(e *engine.Engine, p *engine.Plan) *Upgradable {
	u := &Upgradable{Download: p.Download}
	var forced time.Time
	if u.Processes, forced = p.Impact(e); !forced.IsZero() {
		u.Forced = forced.Unix()
	}
	for _, s := range p.Steps {
		if s.Op != plan.Keep {
			u.Steps = append(u.Steps, s.String())
		}
	}
	return u
}

// tell brings the server up to date: summary and results, then the inventory.
func (r *round) tell(ctx context.Context) error {
	if r.out.Offline != nil {
		return nil
	}
	doc, volatile, err := r.collect(ctx)
	if err != nil {
		r.fail(err)
		return nil
	}
	if err := r.checkIn(ctx, doc, volatile); err != nil || r.out.Offline != nil {
		return err
	}
	if r.renewal {
		r.fail(r.renew(ctx))
	}
	if err := r.link.sendInventory(ctx, r.known, r.base, doc); err != nil {
		r.out.Offline, r.out.After = failureOf(err), after(err)
		return nil
	}
	r.known.Stamps = r.stamps // not before: what was not sent is looked at again
	return r.home.saveKnown(r.known)
}

// collect looks at the machine: at all of it where the round is to do so or the
// server has nothing of it, else at the sections whose files have changed, and at
// the packages of muster in any case.
func (r *round) collect(ctx context.Context) (*inventory.Document, *inventory.Volatile, error) {
	rep, missing, err := r.seen(ctx)
	if err != nil {
		return nil, nil, err
	}
	keepKnown(rep, r.base, missing)
	for _, f := range rep.Failures {
		delete(r.stamps, f.Section)
	}
	if text := failuresText(rep.Failures); text != "" {
		r.Log("%s", text)
	}
	return rep.Document, rep.Volatile, rep.Document.Check()
}

// seen is what choose has found, with the packages of muster, or what has changed
// since the last look and which sections are to stay as they were.
func (r *round) seen(ctx context.Context) (rep *collect.Report, keep []string, err error) {
	if r.found != nil {
		return r.found, nil, AddOwn(r.found, r.engine, r.status, nil)
	}
	look, keep := r.sections(r.stamps)
	rep, err = Document(ctx, r.engine, r.status, look)
	return rep, keep, err
}

// sections are those to look at, nil for all, and those to take as they were.
func (r *round) sections(stamps map[string]string) (look, keep []string) {
	if r.Collect || r.base == nil {
		return nil, nil
	}
	look = slices.Clone(OwnSections)
	for name, stamp := range stamps {
		if stamp != r.known.Stamps[name] {
			look = append(look, name)
		}
	}
	for _, name := range otherSections(r.base) {
		if !slices.Contains(look, name) {
			keep = append(keep, name)
		}
	}
	return look, keep
}

// checkIn says what the server does not know and does what it answers. doc is nil
// where the machine was not looked at yet.
func (r *round) checkIn(ctx context.Context, doc *inventory.Document, v *inventory.Volatile) error {
	rep, err := r.report(doc, v)
	if err != nil {
		return err
	}
	if doc != nil && !rep.news() {
		return nil
	}
	answer, err := r.link.CheckIn(ctx, rep.in)
	if muster.KindOf(err) == muster.Denied && api.CodeOf(err) == "" && r.clock(ctx) {
		answer, err = r.link.CheckIn(ctx, rep.in)
	}
	if api.CodeOf(err) == api.UnknownHost {
		if err = r.link.comeBack(ctx, factsOf(ctx, r.engine, r.Version)); err == nil {
			r.forgotten()
			if rep, err = r.report(doc, v); err != nil {
				return err
			}
			answer, err = r.link.CheckIn(ctx, rep.in)
		}
	}
	if err != nil {
		r.out.Offline, r.out.After = failureOf(err), after(err)
		return nil
	}
	return r.answered(rep, &answer, doc == nil)
}

// clock reports whether the host's clock is the reason for a refusal, and has
// requests signed by the server's from now on. The check-in itself tells the time
// that the host has, so that people see it.
func (r *round) clock(ctx context.Context) bool {
	off, err := r.link.byServer(ctx)
	if err != nil || off == 0 {
		return false
	}
	r.out.Ahead = off
	r.fail(muster.Errorf(muster.Invalid, "the clock of this host is %s off that of the server", off.Abs()))
	return true
}

// forgotten has a server that lost what it had acknowledged told everything again.
func (r *round) forgotten() {
	k := r.known
	k.Etag, k.Agent, k.Summary, k.Set, k.Volatile, k.Stamps = "", "", nil, "", 0, nil
	r.base = nil
}

// ledger is what the host keeps of signed actions.
func (r *round) ledger() *ledger { return &ledger{home: r.home, now: r.Now} }

// report is what to say.
func (r *round) report(doc *inventory.Document, v *inventory.Volatile) (*report, error) {
	rep := &report{in: api.CheckIn{Etag: r.known.Etag, Set: r.known.Set, Base: r.known.Set, Clock: r.Now().Unix(), Stale: r.out.Stale}}
	for _, c := range r.engine.Clients {
		if h := c.Head(); h != nil && c.ID == r.link.Identity.Repository.ID {
			rep.in.Repository = h.Serial
		}
	}
	var err error
	if rep.in.Results, rep.results, err = r.home.spooled(maxResults); err != nil {
		return nil, err
	}
	if rep.said, _, err = r.ledger().reports(api.MaxReports); err != nil {
		return nil, err
	}
	rep.in.Orders = true
	for _, s := range rep.said {
		rep.in.Reports = append(rep.in.Reports, s.der)
	}
	r.witness(&rep.in)
	rep.unknownTo(r.known, r.Version, r.summary)
	if doc != nil {
		hashes, err := doc.Hashes()
		if err != nil {
			return nil, err
		}
		rep.in.Set = hashes.Set()
	}
	const hour = 3600
	if now := r.Now().Unix(); v != nil && v.Time != 0 && (now-r.known.Volatile >= hour || now < r.known.Volatile) {
		if rep.in.Volatile, err = v.Marshal(); err != nil {
			return nil, err
		}
	}
	return rep, nil
}

// answered keeps what the server acknowledged, and does what it wants.
func (r *round) answered(rep *report, a *api.CheckedIn, first bool) error {
	// No server, however broken, keeps a host from its repositories for longer than a day.
	r.out.Next, r.out.More = time.Duration(min(max(a.Next, 0), 86400))*time.Second, rep.results > 0
	if first {
		// A wish that the server had before this round looks for news is met by it; a
		// later one calls for another round.
		r.out.Wake, r.Update = a.Wake, r.Update || a.Wake != r.known.Wake
	}
	if err := r.home.acknowledged(rep.in.Results); err != nil {
		return err
	}
	if err := r.ledger().acknowledged(rep.said); err != nil {
		return err
	}
	r.out.Orders = append(r.out.Orders, a.Orders...)
	if err := r.witnessed(a.Audit); err != nil {
		return err
	}
	if a.Policy != nil {
		if err := r.home.takePolicy(a.Policy, r.link.Identity, r.engine); err != nil {
			return err
		}
	}
	r.out.Waking = r.home.policy().Wake
	// The etag goes behind the policy: a crash between has it sent again.
	r.known.Etag = a.Etag
	if rep.in.Agent != "" {
		r.known.Agent = rep.in.Agent
	}
	if rep.in.Summary != nil {
		r.known.Summary = rep.in.Summary
	}
	if rep.in.Volatile != nil {
		r.known.Volatile = r.Now().Unix()
	}
	if err := r.home.saveKnown(r.known); err != nil {
		return err
	}
	r.renewal = r.renewal || a.Renew
	if first && a.Send != api.SendNothing {
		r.forgotten() // it came back from an older copy of its database
	}
	return nil
}

// stock lays out what self-service shows.
func (r *round) stock(ctx context.Context) error {
	_, found, err := r.home.stock(r.engine)
	if err != nil {
		return err
	}
	return r.home.fetchIcons(ctx, found)
}

func (r *round) renew(ctx context.Context) error {
	answer, err := r.link.Renew(ctx, nil)
	if err != nil {
		return err
	}
	return r.link.enrolled(answer)
}
