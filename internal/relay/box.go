package relay

import (
	"context"
	"slices"
	"sync"
	"time"

	"muster/action"
	"muster/api"
	"muster/internal/db"
)

// A parcel is an action that hosts may still be given.
type parcel struct {
	num     int64
	id      string
	state   api.ActionState
	begins  int64
	ends    int64
	hosts   int
	message []byte
	waiting map[string]*order // by host

	growing sync.Mutex
	tree    *action.Tree // made when it is needed first
}

// ready reports whether hosts may be given it.
func (p *parcel) ready(now time.Time) bool {
	return p.state == api.ActionOpen && p.begins <= now.Unix() && now.Unix() <= p.ends
}

// An order is a parcel for one host, which has not said that it has it.
type order struct {
	parcel *parcel
	place  int
	sent   time.Time
}

// A box is what waits for one host, and who is to be told.
type box struct {
	orders []*order // the oldest first
	tell   []*func()
}

// A taking is a host that said that it has an action.
type taking struct {
	action int64
	host   string
}

func (r *Relay) box(host string) *box {
	b := r.boxes[host]
	if b == nil {
		b = &box{}
		r.boxes[host] = b
	}
	return b
}

// tidy drops a box that holds nothing. The caller holds mu.
func (r *Relay) tidy(host string) {
	if b := r.boxes[host]; b != nil && len(b.orders)+len(b.tell) == 0 {
		delete(r.boxes, host)
	}
}

// put puts p into the box of a host. The caller holds mu.
func (r *Relay) put(p *parcel, host string, place int) {
	if p.waiting[host] != nil {
		return
	}
	o := &order{parcel: p, place: place}
	p.waiting[host] = o
	b := r.box(host)
	b.orders = append(b.orders, o)
	slices.SortFunc(b.orders, func(x, y *order) int { return int(x.parcel.num - y.parcel.num) })
}

// drop takes p out of the box of a host. The caller holds mu.
func (r *Relay) drop(p *parcel, host string) {
	o := p.waiting[host]
	if o == nil {
		return
	}
	delete(p.waiting, host)
	b := r.box(host)
	b.orders = slices.DeleteFunc(b.orders, func(x *order) bool { return x == o })
	r.tidy(host)
}

// due reports whether there is something for the host now. The caller holds mu.
func (r *Relay) due(b *box, now time.Time) bool {
	return slices.ContainsFunc(b.orders, func(o *order) bool { return o.due(now, r.Resend) })
}

func (o *order) due(now time.Time, resend time.Duration) bool {
	return o.parcel.ready(now) && (o.sent.IsZero() || now.Sub(o.sent).Abs() >= resend)
}

// knock tells those who wait for the host's orders. The caller holds mu.
func (b *box) knock() {
	for _, f := range b.tell {
		(*f)()
	}
}

// Attend has tell called when there are orders for a host, at once where there are
// some, until leave is called. tell does not block, and calls nothing of the relay.
func (r *Relay) Attend(host string, tell func()) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.box(host)
	b.tell = append(b.tell, &tell)
	if r.due(b, r.Now()) {
		tell()
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		b.tell = slices.DeleteFunc(b.tell, func(f *func()) bool { return f == &tell })
		r.tidy(host)
	}
}

// Has notes which actions a host says to have.
func (r *Relay) Has(host string, ids []string) {
	if len(ids) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.boxes[host]
	if b == nil {
		return
	}
	for _, o := range slices.Clone(b.orders) {
		if slices.Contains(ids, o.parcel.id) {
			r.drop(o.parcel, host)
			r.taken = append(r.taken, taking{o.parcel.num, host})
		}
	}
}

// Take returns the orders of a host that are due: some of them, where there are
// many.
func (r *Relay) Take(ctx context.Context, host string) (all []api.Order, err error) {
	for _, o := range r.dueFor(host) {
		out := api.Order{ID: o.parcel.id, Message: o.parcel.message}
		if out.Proof, err = r.proof(ctx, o); err != nil {
			return nil, err
		}
		all = append(all, out)
	}
	return all, nil
}

// dueFor returns the orders that are now given to a host.
func (r *Relay) dueFor(host string) (all []*order) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.boxes[host]
	if b == nil {
		return nil
	}
	now := r.Now()
	for _, o := range b.orders {
		if len(all) < api.MaxOrders && o.due(now, r.Resend) {
			o.sent = now
			all = append(all, o)
		}
	}
	return all
}

// proof is that of a host among many.
func (r *Relay) proof(ctx context.Context, o *order) (*api.Proof, error) {
	if o.parcel.hosts <= action.MaxNamed {
		return nil, nil
	}
	tree, err := r.tree(ctx, o.parcel)
	if err != nil {
		return nil, err
	}
	p, err := tree.Prove(o.place)
	return (*api.Proof)(&p), err
}

// tree is that of a parcel: made by who posts it, or here after the start of a
// server and on the others of its database. Ten thousand hosts ask at once.
func (r *Relay) tree(ctx context.Context, p *parcel) (*action.Tree, error) {
	p.growing.Lock()
	defer p.growing.Unlock()
	if p.tree != nil {
		return p.tree, nil
	}
	var hosts []string
	err := r.DB.Read(ctx, func(tx *db.Tx) (err error) {
		hosts, err = readHosts(tx, p.num)
		return err
	})
	if err == nil {
		p.tree, err = action.NewTree(hosts)
	}
	return p.tree, err
}

// readHosts reads the hosts of an action, sorted.
func readHosts(tx *db.Tx, num int64) (hosts []string, err error) {
	return hosts, tx.Each("SELECT host FROM relay_target WHERE action = ? ORDER BY place", []any{num}, func(scan db.Scan) error {
		hosts = append(hosts, "")
		return scan(&hosts[len(hosts)-1])
	})
}

// Flush writes down which hosts have which actions.
func (r *Relay) Flush(ctx context.Context) error {
	r.mu.Lock()
	taken := r.taken
	r.taken = nil
	r.mu.Unlock()
	if len(taken) == 0 {
		return nil
	}
	err := r.write(ctx, func(tx *db.Tx) error { return r.delivered(tx, taken) })
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.taken = append(taken, r.taken...)
	}
	return err
}

// chunk is how many hosts one statement names.
const chunk = 500

// delivered writes down takings, many with one statement: thousands come in a second.
func (r *Relay) delivered(tx *db.Tx, taken []taking) error {
	hosts := map[int64][]any{}
	for _, t := range taken {
		hosts[t.action] = append(hosts[t.action], t.host)
	}
	changed, err := tx.Next("relay_number", "change", 1)
	if err != nil {
		return err
	}
	at := r.Now().Unix()
	for num, all := range hosts {
		for some := range slices.Chunk(all, chunk) {
			args := append([]any{api.TargetDelivered, changed, at, num, api.TargetQueued}, some...)
			_, err := tx.Exec("UPDATE relay_target SET state = ?, changed = ?, at = ? WHERE action = ? AND state = ? AND host IN "+db.In(len(some)), args...)
			if err != nil {
				return err
			}
		}
	}
	return nil
}
