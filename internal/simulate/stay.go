package simulate

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster/api"
)

// settled is how long an agent that heard of news waits until it listens again, because
// the check-in that follows says for what; after an action, it is as long at most.
const settled = 5 * time.Second

// longEnough is how long a request was held that agents do not count as a failure when
// it is cut off.
const longEnough = 50 * time.Second

// stay has a connected host wait for the server's word until ctx ends, but for
// when it is offline.
func (h *host) stay(ctx context.Context) {
	defer h.client.CloseIdleConnections()
	r := rand.New(rand.NewPCG(h.seed, 3))
	for ctx.Err() == nil {
		online, cancel := context.WithTimeout(ctx, h.online(r))
		h.listen(online, ctx, r)
		cancel()
		if ctx.Err() != nil {
			return
		}
		h.away.Store(true)
		h.client.CloseIdleConnections()
		rest(ctx, time.Duration(r.ExpFloat64()*float64(h.fleet.Every)/2))
		h.away.Store(false)
		now := time.Now()
		h.fleet.due.add(visit{host: h, due: now, at: now, more: true})
	}
}

// online is how long the host stays so: on average as often as Offline says.
func (h *host) online(r *rand.Rand) time.Duration {
	if h.fleet.Offline == 0 {
		return 1 << 62
	}
	return time.Duration(r.ExpFloat64() * float64(h.fleet.Every) / h.fleet.Offline)
}

// listen waits for one word after the other until ctx ends. What the host is told to do
// goes on until run does.
func (h *host) listen(ctx, run context.Context, r *rand.Rand) {
	in := false // counted among those that are held
	defer func() {
		if in {
			h.fleet.held.left()
		}
	}()
	for failures := 0; ctx.Err() == nil; {
		since, began := h.number.Load(), time.Now()
		heard, err := h.wait(ctx, since, func() {
			if !in {
				in = true
				h.fleet.held.came()
			}
		})
		switch {
		case ctx.Err() != nil:
		case err != nil:
			if in {
				in = false
				h.fleet.held.lost()
			}
			if failures++; time.Since(began) >= longEnough {
				failures = 0
			}
			after, _ := putOff(err)
			rest(ctx, max(api.Reopen(failures, r.Float64()), after))
		case len(heard.Orders) > 0:
			failures = 0
			answer := time.Now().Add(api.Apart(heard.Spread, r.Float64()))
			h.take(run, heard.Orders, answer)
			rest(ctx, max(time.Until(answer), time.Second+time.Duration(r.Float64()*float64(settled-time.Second))))
		case heard.Number != since && h.number.CompareAndSwap(since, heard.Number):
			failures = 0
			h.look()
			rest(ctx, settled)
		default:
			failures = 0
		}
	}
}

// wait is one request that the server answers when there is news. written is called when
// it is on its way, over a connection that stands.
func (h *host) wait(ctx context.Context, since int64, written func()) (out api.Wake, err error) {
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(i httptrace.WroteRequestInfo) {
		if i.Err == nil {
			written()
		}
	}})
	have, told := h.orders.naming()
	q := url.Values{"since": {strconv.FormatInt(since, 10)}, "have": {strings.Join(have, ",")}}
	err = h.call(traced, call{name: "wait", method: http.MethodGet, path: api.RouteWake + "?" + q.Encode(), due: time.Now(), patience: 15 * time.Minute}, &out)
	if err == nil {
		told()
	}
	return out, err
}

// look has the host look for the news that it heard of.
func (h *host) look() {
	now := time.Now()
	h.fleet.stats.add("news", h.fleet.held.news(now), nil)
	h.fleet.due.add(visit{host: h, due: now, at: now, more: true})
}

// held counts hosts that wait.
type held struct {
	mu      sync.Mutex
	now     int
	missing int       // lost, and not yet back
	back    time.Time // when the last of them was back
	outages []Outage
	told    time.Time // when the first heard of the newest news
}

// An Outage is a time in which hosts had lost the server.
type Outage struct {
	At    time.Time     `json:"at"`
	Hosts int           `json:"hosts"`
	Took  time.Duration `json:"took"` // until all were back; 0: they are not
}

// came counts a host that waits: in the first place, or again.
func (h *held) came() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	if h.missing == 0 {
		return
	}
	if h.missing--; h.missing == 0 {
		h.back = time.Now()
		last := &h.outages[len(h.outages)-1]
		last.Took = h.back.Sub(last.At)
	}
}

// left counts a host that ended by itself.
func (h *held) left() {
	h.mu.Lock()
	h.now--
	h.mu.Unlock()
}

// flicker is how long all have to be back for an outage to be over: who was let in
// and is sent away has not been.
const flicker = 2 * time.Second

// lost counts a host whose connection broke, or that was sent away.
func (h *held) lost() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now--
	now := time.Now()
	if h.missing == 0 && (len(h.outages) == 0 || now.Sub(h.back) > flicker) {
		h.outages = append(h.outages, Outage{At: now})
	}
	h.missing++
	last := &h.outages[len(h.outages)-1]
	last.Hosts, last.Took = max(last.Hosts, h.missing), 0
}

// burst is how far apart two pieces of news are at least.
const burst = 30 * time.Second

// news is how long after the first one a host hears of something.
func (h *held) news(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Sub(h.told) > burst {
		h.told = now
	}
	return now.Sub(h.told)
}

func (h *held) report() (now int, outages []Outage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now, h.outages
}
