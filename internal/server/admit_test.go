package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster"
	"muster/api"
	"muster/internal/httpsig"
)

// A crowd is a server for few hosts behind a proxy, so that requests can come from
// anywhere, with a host and a person.
type crowd struct {
	*world
	host   *machine
	person *api.PersonClient
	client *http.Client
}

func newCrowd(t *testing.T, change ...func(*Config)) *crowd {
	t.Helper()
	w := newWorld(t, append([]func(*Config){func(c *Config) {
		c.TrustedProxies = mustPrefixes("127.0.0.0/8")
		c.Limits.Hosts = 10
	}}, change...)...)
	c := &crowd{world: w, host: w.machine(1), person: w.person(), client: w.raw()}
	c.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 4
	c.host.join(must(c.CreateToken(t.Context(), "alice", api.TokenRequest{Uses: 1}))(t).Secret)
	return c
}

// CreateToken is that of the server, beside what it answers.
func (c *crowd) CreateToken(ctx context.Context, by string, in api.TokenRequest) (api.Token, error) {
	return c.hosts.CreateToken(ctx, by, in)
}

// send sends from an address, and returns the status.
func (c *crowd) send(method, path, from string, body []byte, prepare func(*http.Request)) int {
	c.t.Helper()
	r := must(http.NewRequestWithContext(c.t.Context(), method, c.url+path, bytes.NewReader(body)))(c.t)
	r.Header.Set("X-Forwarded-For", from)
	if prepare != nil {
		prepare(r)
	}
	resp := must(c.client.Do(r))(c.t)
	defer resp.Body.Close()
	must(io.Copy(io.Discard, resp.Body))(c.t)
	return resp.StatusCode
}

// forged signs a request in the name of the host, with another's key.
func (c *crowd) forged(r *http.Request, other *machine) {
	check(c.t, httpsig.Sign(r, []byte("{}"), other.Key, httpsig.Params{KeyID: c.host.ID, Server: c.host.Server.ID, Counter: 1 << 30, Created: time.Now()}))
}

// checkIn is one of the host, from an address.
func (c *crowd) checkIn(from string) int {
	c.t.Helper()
	return c.send(http.MethodPost, api.RouteCheckIn, from, []byte("{}"), func(r *http.Request) { c.host.signed(r, []byte("{}")) })
}

// What strangers send uses up nothing that is there for hosts and people, and a
// neighbourhood of them is not listened to for long.
func TestStrangersStarveNobody(t *testing.T) {
	c := newCrowd(t, func(cfg *Config) { cfg.Limits.Rates = map[string]float64{"checkin": 1, "people": 1, "login": 1} })
	for _, class := range []string{"checkin", "people", "login"} { // however slow the machine is
		c.limits[class].strangers.perSecond /= 1000
	}
	thief := c.machine(2)
	answers := map[int]int{}
	for i := range 260 {
		from := "203.0.113." + fmt.Sprint(i%256)
		answers[c.send(http.MethodPost, api.RouteCheckIn, from, []byte("{}"), func(r *http.Request) { c.forged(r, thief) })]++
		answers[c.send(http.MethodGet, api.RouteHosts, from, nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer nobody") })]++
		answers[c.send(http.MethodPost, api.RouteLogin, from, []byte("{}"), func(r *http.Request) {
			check(t, httpsig.Sign(r, []byte("{}"), thief.Key, httpsig.Params{KeyID: "x", Server: c.host.Server.ID, Created: time.Now()}))
		})]++
	}
	if answers[http.StatusForbidden] < 200 || answers[http.StatusUnauthorized] < 100 || answers[http.StatusTooManyRequests] < 300 {
		t.Errorf("strangers were answered %v", answers)
	}
	if s := c.checkIn("198.51.100.7"); s != http.StatusOK {
		t.Errorf("a check-in was answered %d", s)
	}
	if s := c.checkIn("203.0.113.7"); s != http.StatusTooManyRequests {
		t.Errorf("a check-in from among the strangers was answered %d", s)
	}
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+c.person.Token) }
	if s := c.send(http.MethodGet, api.RouteHosts, "198.51.100.7", nil, bearer); s != http.StatusOK {
		t.Errorf("a person was answered %d", s)
	}
}

// Ten thousand hosts behind one address are no strangers.
func TestOneAddressManyHosts(t *testing.T) {
	c := newCrowd(t, func(cfg *Config) { cfg.Limits.Hosts = 10_000 })
	for i := range 400 {
		if s := c.checkIn("192.0.2.1"); s != http.StatusOK {
			t.Fatalf("check-in %d was answered %d", i, s)
		}
	}
}

// A slow sender sends the head of a request and one byte of its body.
func (c *crowd) slow(t *testing.T, path string, size int, prepare func(*http.Request)) io.Closer {
	t.Helper()
	conn := must(tls.Dial("tcp", c.url[len("https://"):], &tls.Config{RootCAs: c.roots}))(t)
	r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+path, nil))(t)
	prepare(r)
	var head strings.Builder
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n", path, size)
	check(t, r.Header.Write(&head))
	must(io.WriteString(conn, head.String()+"\r\nx"))(t)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// Hosts that send their inventories slowly, more than there are places, keep no
// other from sending theirs; and one has one under way.
func TestSlowInventories(t *testing.T) {
	c := newCrowd(t)
	token := must(c.CreateToken(t.Context(), "alice", api.TokenRequest{Uses: -1}))(t).Secret
	signed := func(m *machine) func(*http.Request) {
		return func(r *http.Request) {
			check(t, httpsig.Sign(r, make([]byte, 1<<20), m.Key, httpsig.Params{KeyID: m.ID, Server: m.Server.ID, Counter: must(m.Next())(t), Created: time.Now()}))
		}
	}
	var last *machine
	for i := range 12 {
		last = c.machine(10 + i)
		last.join(token)
		c.slow(t, api.RouteInventory, 1<<20, signed(last))
	}
	for c.marked("inventory") < 12 {
		waitFor(t, time.Millisecond)
	}
	if out := c.host.report(desktop(5)); out.Send != api.SendWhole {
		t.Errorf("%+v", out)
	}
	_, err := last.Inventory(t.Context(), api.TypeDocument, must(desktop(5).Marshal())(t))
	wantKind(t, err, muster.Busy)
	if out := must(last.CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix()}))(t); out.Next == 0 {
		t.Errorf("%+v", out)
	}
}

// marked is how many hosts are being served in a class.
func (w *world) marked(class string) (n int) {
	w.marks.mu.Lock()
	defer w.marks.mu.Unlock()
	for k := range w.marks.set {
		if k.class == class {
			n++
		}
	}
	return n
}

// Who logs in slowly, from one neighbourhood, keeps nobody else out.
func TestSlowLogins(t *testing.T) {
	c := newCrowd(t)
	thief := c.machine(2)
	for range 6 {
		c.slow(t, api.RouteLogin, 100, func(r *http.Request) {
			r.Header.Set("X-Forwarded-For", "203.0.113.9")
			check(t, httpsig.Sign(r, make([]byte, 100), thief.Key, httpsig.Params{KeyID: "x", Server: c.host.Server.ID, Created: time.Now()}))
		})
	}
	for len(c.limits["login"].slots) == 0 {
		waitFor(t, time.Millisecond)
	}
	c.world.person()
}

func TestNeighbourhood(t *testing.T) {
	for from, want := range map[string]string{"192.0.2.77": "192.0.2.0/24", "::ffff:192.0.2.77": "192.0.2.0/24",
		"2001:db8:1:2ff::1": "2001:db8:1:200::/56", "fe80::1%eth0": "fe80::/56"} {
		if got := neighbourhood(netip.MustParseAddr(from)); got.String() != want {
			t.Errorf("%s is of %s, want %s", from, got, want)
		}
	}
	if got := neighbourhood(netip.Addr{}); got.IsValid() {
		t.Errorf("no address is of %s", got)
	}
}

// Strangers are listened to again after a while, and memory of them has an end.
func TestStrangersForgotten(t *testing.T) {
	s, now := newStrangers(10), time.Now()
	near := neighbourhood(netip.MustParseAddr("192.0.2.1"))
	for range 100 {
		check(t, s.check(near, now))
		s.count(near, now)
	}
	wantKind(t, s.check(near, now), muster.Busy)
	for range 100 { // were under way
		s.count(near, now)
	}
	wantKind(t, s.check(near, now.Add(9*time.Second)), muster.Busy)
	check(t, s.check(near, now.Add(11*time.Second)))
	for i := range 3 * maxNeighbours {
		s.count(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32), now)
	}
	if len(s.seen) > maxNeighbours {
		t.Errorf("%d neighbourhoods are remembered", len(s.seen))
	}
}

// One neighbourhood takes a quarter of the places, and gives them back.
func TestShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiters(Limits{})["enrol"]
		near, far := neighbourhood(netip.MustParseAddr("192.0.2.1")), neighbourhood(netip.MustParseAddr("198.51.100.1"))
		var leave []func()
		for range 4 {
			leave = append(leave, must(l.place(t.Context(), near))(t))
		}
		_, err := l.place(t.Context(), near)
		wantKind(t, err, muster.Busy)
		must(l.place(t.Context(), far))(t)()
		leave[0]()
		must(l.place(t.Context(), near))(t)()
		for _, f := range leave[1:] {
			f()
		}
		if len(l.slots) != 0 || len(l.shares.held) != 0 {
			t.Errorf("%d places are held, by %d neighbourhoods", len(l.slots), len(l.shares.held))
		}
	})
}

// When memory for bodies runs out, who has been sending longest gives way, once.
func TestIntake(t *testing.T) {
	i, began := newIntake(100), time.Now()
	body := func(age time.Duration) *steadyReader {
		b := &steadyReader{body: bytes.NewReader(make([]byte, 60)), intake: i, control: http.NewResponseController(newRecorder()), patience: time.Hour, began: began.Add(-age)}
		i.enter(b)
		return b
	}
	old, young, youngest := body(time.Minute), body(time.Second), body(0)
	for n, b := range []*steadyReader{old, young} {
		if n, err := b.Read(make([]byte, 50)); n != 50 || err != nil {
			t.Fatal(n, err)
		}
		if old.gaveWay() {
			t.Fatalf("gave way at %d", n)
		}
	}
	if _, err := youngest.Read(make([]byte, 40)); err != nil || !old.gaveWay() || young.gaveWay() {
		t.Errorf("%v, old gave way: %v, young: %v", err, old.gaveWay(), young.gaveWay())
	}
	_, err := old.Read(make([]byte, 10))
	wantKind(t, err, muster.Busy)
	if _, err := youngest.Read(make([]byte, 20)); err != nil || !young.gaveWay() {
		t.Errorf("%v, young gave way: %v", err, young.gaveWay())
	}
	for _, b := range []*steadyReader{old, young, youngest} {
		b.end()
		i.leave(b)
	}
	if i.free != 100 || len(i.open) != 0 {
		t.Errorf("%d bytes are free, %d are open", i.free, len(i.open))
	}
	alone := body(0)
	alone.body = bytes.NewReader(make([]byte, 200))
	_, err = alone.Read(make([]byte, 200))
	wantKind(t, err, muster.Busy)
}

// A refusal for the time being says when to come again.
func TestRetryAfter(t *testing.T) {
	c := newCrowd(t, func(cfg *Config) { cfg.Limits.Rates = map[string]float64{"checkin": 1} })
	var resp *http.Response
	for range 10 {
		r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+api.RouteCheckIn, strings.NewReader("{}")))(t)
		c.host.signed(r, []byte("{}"))
		resp = must(c.client.Do(r))(t)
		var body api.ErrorBody
		json.NewDecoder(resp.Body).Decode(&body) //nolint:errcheck // the status decides
		resp.Body.Close()
		if resp.StatusCode == http.StatusTooManyRequests {
			if body.Error.Kind != muster.Busy {
				t.Errorf("refused as %+v", body)
			}
			break
		}
	}
	if after := resp.Header.Get("Retry-After"); resp.StatusCode != http.StatusTooManyRequests || after == "" || after == "0" {
		t.Errorf("answered %s, Retry-After: %q", resp.Status, after)
	}
	check(t, c.db.Close())
	r := must(http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+api.RouteHosts, nil))(t)
	r.Header.Set("Authorization", "Bearer "+c.person.Token)
	resp = must(c.client.Do(r))(t)
	resp.Body.Close()
	if after := resp.Header.Get("Retry-After"); resp.StatusCode < 500 || resp.StatusCode == http.StatusServiceUnavailable && after == "" {
		t.Errorf("without its database it answers %s, Retry-After: %q", resp.Status, after)
	}
}
