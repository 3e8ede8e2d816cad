package server

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/sign"
)

// A host that waits gets signs of life, which keep proxies from giving up, and
// then the news: all of it is one JSON document.
func TestWaitPulse(t *testing.T) {
	cfg := testConfig(t)
	w := &world{t: t, admin: must(administrator())(t), files: Folder{Dir: cfg.Data}, pulse: 30 * time.Millisecond}
	must(w.files.AddAnchors(writeCert(t, w.admin.Leaf())))(t)
	w.start(cfg)
	p := w.person()
	m := w.machine(1)
	m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	out := must(m.CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix()}))(t)
	r := must(http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+api.RouteWake+"?since="+number(out.Wake), nil))(t)
	m.signed(r, nil)
	resp := must(w.raw().Do(r))(t)
	defer resp.Body.Close()
	body := bufio.NewReader(resp.Body)
	for range 3 {
		if b := must(body.ReadByte())(t); b != ' ' {
			t.Fatalf("%q is no sign of life", b)
		}
	}
	must(p.EditHost(t.Context(), m.ID, api.HostEdit{Wake: true}))(t)
	var news api.Wake
	check(t, json.NewDecoder(body).Decode(&news))
	if news.Number == out.Wake {
		t.Errorf("the same number, %d", news.Number)
	}
}

// A host waits for longer than the server is patient with who takes nothing: over
// HTTP/2, a deadline that is left behind would cut it off.
func TestWaitOutlastsPatience(t *testing.T) {
	cfg := testConfig(t)
	w := &world{t: t, admin: must(administrator())(t), files: Folder{Dir: cfg.Data}, patience: 200 * time.Millisecond, pulse: 350 * time.Millisecond}
	must(w.files.AddAnchors(writeCert(t, w.admin.Leaf())))(t)
	w.start(cfg)
	m := w.machine(1)
	m.join(must(w.person().CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	out := must(m.CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix()}))(t)
	r := must(http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+api.RouteWake+"?since="+number(out.Wake), nil))(t)
	m.signed(r, nil)
	client := w.raw()
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	resp := must(client.Do(r))(t)
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Fatalf("this is %s", resp.Proto)
	}
	for i := range 3 {
		if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
			t.Fatalf("cut off after %d signs of life: %v", i, err)
		}
	}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// Hosts that wait when the server stops are told so at once, and in good order.
func TestStopWakesHosts(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	m := w.machine(1)
	m.join(must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	out := must(m.CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix()}))(t)
	type news struct {
		number int64
		err    error
	}
	answered := make(chan news, 1)
	go func() {
		n, err := m.Wake(t.Context(), out.Wake)
		answered <- news{n, err}
	}()
	for !must(p.Host(t.Context(), m.ID))(t).Online || w.waiting() == 0 {
		waitFor(t, 5*time.Millisecond)
	}
	began := time.Now()
	w.stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	if n := <-answered; n.err != nil || n.number != out.Wake {
		t.Errorf("answered %+v", n)
	}
}

// One host holds no more than a few connections.
func TestWakeBound(t *testing.T) {
	w := newWorld(t)
	m := w.machine(1)
	m.join(must(w.person().CreateToken(t.Context(), api.TokenRequest{Uses: 1}))(t).Secret)
	out := must(m.CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix()}))(t)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() { m.Wake(ctx, out.Wake) }) //nolint:errcheck // cancelled
		for w.waiting() <= i {
			waitFor(t, time.Millisecond)
		}
	}
	_, err := m.Wake(t.Context(), out.Wake)
	wantKind(t, err, muster.Busy)
	cancel()
	all.Wait()
	for w.waiting() > 0 {
		waitFor(t, time.Millisecond)
	}
	if n := must(m.Wake(t.Context(), out.Wake-1))(t); n != out.Wake {
		t.Errorf("told of %d", n)
	}
}

// waiting is the number of hosts that wait.
func (w *world) waiting() int {
	families := must(w.metrics.registry.Gather())(w.t)
	for _, f := range families {
		if f.GetName() == "musterd_waiting_hosts" {
			return int(f.GetMetric()[0].GetGauge().GetValue())
		}
	}
	return 0
}

// What is uploaded at the same time is published together, and one bad file does
// not keep the others out.
func TestUploadsTogether(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.found(p)
	stranger := must(newPerson("mallory", sign.RightCode))(t)
	before := w.dial().Server.Repository.Serial
	files := []string{pack(t, "bad", "1", 10, stranger)}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		files = append(files, pack(t, name, "1", 10, w.admin))
	}
	var all sync.WaitGroup
	serials := make([]int64, len(files))
	for i, f := range files {
		all.Go(func() {
			out, err := publish(t, p, f)
			serials[i] = out.Serial
			if i == 0 && (muster.KindOf(err) != muster.Denied || strings.Contains(err.Error(), "uploads")) || i > 0 && err != nil {
				t.Errorf("%s: %v", f, err)
			}
		})
	}
	all.Wait()
	for i := range files[1:] {
		if serials[i+1] <= before {
			t.Errorf("serial %d after %d", serials[i+1], before)
		}
	}
	list := must(p.Repository(t.Context()))(t)
	if list.Serial <= before {
		t.Errorf("%+v", list)
	}
	check(t, p.Unpublish(t.Context(), "a_1_linux_amd64.mpk"))
	wantKind(t, p.Unpublish(t.Context(), "a_1_linux_amd64.mpk"), muster.NotFound)
}

// What is removed together leaves with one head, or stays as a whole.
func TestRemovedTogether(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	w.found(p)
	var files []string
	for _, name := range []string{"a", "b", "c"} {
		must(publish(t, p, pack(t, name, "1", 10, w.admin)))(t)
		files = append(files, name+"_1_linux_amd64.mpk")
	}
	before := must(p.Repository(t.Context()))(t)
	for _, bad := range [][]string{nil, {files[0], "d_1_linux_amd64.mpk"}} {
		_, err := p.UnpublishAll(t.Context(), api.Removal{Files: bad})
		if err == nil || len(bad) > 0 && (muster.KindOf(err) != muster.NotFound || !strings.Contains(err.Error(), bad[1]) || strings.Contains(err.Error(), w.cfg.Data)) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if now := must(p.Repository(t.Context()))(t); now != before {
		t.Errorf("%+v became %+v", before, now)
	}
	done := must(p.UnpublishAll(t.Context(), api.Removal{Files: append(files[:2:2], files[0])}))(t)
	if done.Serial != before.Serial+1 || !slices.Equal(done.Removed, files[:2]) {
		t.Errorf("after serial %d: %+v", before.Serial, done)
	}
	wantKind(t, p.Unpublish(t.Context(), files[1]), muster.NotFound)
	check(t, p.Unpublish(t.Context(), files[2]))
}
