package reporter

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"muster/sitereport"
)

// TestAnswers gives every status, and looks at what the program makes of it.
func TestAnswers(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	for status, want := range map[int]int{
		400: 1, 401: 1, 403: 1, 404: 1, 409: 1, 413: 1, 418: 1, 303: 1,
		407: exitKept, 408: exitKept, 425: exitKept, 429: exitKept, 500: exitKept, 502: exitKept, 503: exitKept, 504: exitKept,
	} {
		n := newNode(t, c)
		c.away(status)
		n.exits(n.report("--retries", "0"), want, fmt.Sprint(status), "not now")
		if got := len(n.spooled()) == 1; got != (want == exitKept) {
			t.Errorf("%d: kept %t", status, got)
		}
		if len(n.waits) > 0 {
			t.Errorf("%d: waited %v", status, n.waits)
		}
	}
	n := newNode(t, c)
	c.before = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, sitereport.AnswerKept) //nolint:errcheck // the other side sees
		return true
	}
	n.exits(n.report("--json"), 0, `"kept"`)
	c.before = func(w http.ResponseWriter, _ *http.Request) bool {
		io.WriteString(w, "<html>Please log in\x1b[2J</html>") //nolint:errcheck // as above
		return true
	}
	n.exits(n.report("--retries", "0"), exitKept, "no collector", "Please log in")
	if strings.Contains(n.err.String(), "\x1b") {
		t.Error("an escape sequence reaches the terminal")
	}
}

// TestWaits holds that attempts come later and later, and not before the collector
// wants.
func TestWaits(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	c.away(503)
	n.exits(n.report("--retries", "8"), exitKept)
	want := []time.Duration{5, 10, 20, 40, 80, 160, 300, 300}
	for i, w := range n.waits {
		if w != want[i]*time.Second {
			t.Errorf("wait %d is %v", i, w)
		}
	}
	if len(n.waits) != len(want) {
		t.Errorf("waits: %v", n.waits)
	}
	c.away(429, "Retry-After", "60")
	n.exits(n.report("--retries", "2"), exitKept)
	if len(n.waits) != 2 || n.waits[0] != time.Minute {
		t.Errorf("waits: %v", n.waits)
	}
	c.away(503, "Retry-After", "86400")
	n.exits(n.report("--retries", "2"), exitKept)
	if len(n.waits) > 0 {
		t.Errorf("waits a day: %v", n.waits)
	}
	c.before = nil
	for d := range 20 {
		if p := jitter(time.Duration(d)); p < 0 || p > time.Duration(d) {
			t.Errorf("%v of %d", p, d)
		}
	}
}

// TestComesBack holds that a collector that is away for a moment gets the report in
// the same run.
func TestComesBack(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	c.away(502)
	n.waiting = func() {
		if len(n.spooled()) != 1 {
			t.Error("it waits with a report in memory alone")
		}
		c.before = nil
	}
	n.exits(n.report(), 0)
	if len(c.got) != 1 || len(n.spooled()) != 0 {
		t.Errorf("%d arrived, %d wait", len(c.got), len(n.spooled()))
	}
	c.Server.Close()
	n.waiting = nil
	n.exits(n.report("--spool", "none"), 1, "cannot reach the collector", "hint: --spool")
	n.exits(n.report("--retries", "1"), exitKept, "cannot reach the collector", "it waits in")
	n.exits(n.report("--retries", "1", "--report-only"), 1, "cannot reach")
	if len(n.spooled()) != 1 {
		t.Error("a question is kept for later")
	}
}

// TestStopped holds that a report is kept when the program is told to stop while it
// sends, or waits.
func TestStopped(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	n.ctx = ctx
	c.before = func(http.ResponseWriter, *http.Request) bool {
		cancel()
		panic(http.ErrAbortHandler)
	}
	n.exits(n.report("--retries", "0"), exitKept, "it waits in")
	n.ctx, c.before = nil, nil
	n.exits(n.report(), 0)
	if c.count() != 2 {
		t.Errorf("%d reports arrived", c.count())
	}
}

// TestRedirects follows a collector that moved.
func TestRedirects(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	hops := 0
	for _, status := range []int{301, 302, 307, 308} {
		hops = 0
		c.before = func(w http.ResponseWriter, r *http.Request) bool {
			if hops++; hops > 3 {
				return false
			}
			if r.URL.Query().Get("mode") != "store-only" {
				t.Errorf("hop %d asks for %q", hops, r.URL)
			}
			http.Redirect(w, r, "/api/v1/reports", status)
			return true
		}
		before := c.count()
		n.exits(n.report(), 0)
		if c.count() != before+1 {
			t.Errorf("%d: nothing arrived", status)
		}
	}
	hops = -100
	n.exits(n.report(), 1, "more than 5 times")
	for _, location := range []string{"", "ftp://example.org/", "http:"} {
		c.away(307, "Location", location)
		n.exits(n.report(), 1, "leads nowhere")
	}
}

// TestHTTPS believes an authority of a file, and is not led from https to http.
func TestHTTPS(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	secure := httptest.NewTLSServer(c)
	defer secure.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	n.file(n.path("ca.crt"), ca)
	n.exits(n.report("--collector", secure.URL, "--spool", "none"), 1, "certificate", "hint: --ca FILE")
	n.exits(n.report("--collector", secure.URL, "--spool", n.path("other")), exitKept, "hint: --ca FILE", "it waits in")
	if len(n.waits) > 0 {
		t.Errorf("asks again whom it does not believe, after %v", n.waits)
	}
	n.exits(n.report("--collector", secure.URL, "--ca", n.path("ca.crt")), 0)
	to, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	c.away(307, "Location", to.String()+"/api/v1/reports")
	n.exits(n.report("--collector", secure.URL, "--ca", n.path("ca.crt")), 1, "from https to")
	if c.count() != 1 {
		t.Errorf("%d reports arrived", c.count())
	}
}

// TestEndlessAnswer holds that an answer without end is not read to its end.
func TestEndlessAnswer(t *testing.T) {
	c := newCollector(t, "ecdsa-p256")
	n := newNode(t, c)
	block := []byte(strings.Repeat("x\ty\tz\ti\tt\tf\n", 5000))
	for _, status := range []int{200, 503} {
		c.before = func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			io.WriteString(w, sitereport.AnswerOK) //nolint:errcheck // the other side goes away
			for range 1000 {
				if _, err := w.Write(block); err != nil {
					return true
				}
			}
			t.Error("65 MB were read")
			return true
		}
		n.exits(n.report("--retries", "0"), exitKept)
	}
}
