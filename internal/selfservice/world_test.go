package selfservice

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/agent"
	"muster/internal/install"
	"muster/settings"
)

// An office is an agent that answers at a socket as the real one does, from what the
// test puts there, and a page that asks it.
type office struct {
	*testing.T
	site  *Site
	entry string

	mu     sync.Mutex
	cat    agent.Catalogue
	state  agent.State
	past   []agent.Past
	icons  map[string][]byte
	wishes []agent.Wish
	delays []int64
	refuse error
	hold   chan struct{} // a change waits for it
	events chan agent.Event
}

var all = []settings.Op{settings.Install, settings.Remove, settings.Upgrade}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{T: t, icons: map[string][]byte{}, events: make(chan agent.Event, 10)}
	o.cat = agent.Catalogue{User: "alice", Upgrade: true, Postpone: true, Offers: []agent.Offer{
		{Name: "editor", Title: "The <Editor>", Version: "2.0-1", Installed: "1.0-1", Categories: []string{"office"}, May: all, Download: 1_500_000,
			Descriptions: map[string]string{"": "Writes letters\nAnd more & more", "fr": "Écrit des lettres"}, Homepage: "https://example.org/editor"},
		{Name: "game", Version: "1", May: all, Descriptions: map[string]string{"": "Plays"}, Homepage: "javascript:alert(1)"},
		{Name: "paint", Version: "3", Categories: []string{"office"}, May: all[:1], Icon: strings.Repeat("a", 64)},
	}}
	temp := "/tmp" // paths of sockets are short
	if runtime.GOOS == "windows" {
		temp = ""
	}
	dir, err := os.MkdirTemp(temp, "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	name := filepath.Join(dir, "agent.sock")
	if runtime.GOOS == "windows" {
		name = `\\.\pipe\` + filepath.Base(dir)
	}
	l, err := agent.Listen(name)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		// On Wine the first client is given an end of the pipe that nobody serves.
		first, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { first.Close() })
	}
	server := &http.Server{Handler: o.agent()}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	o.serve(agent.DialLocal(name))
	return o
}

func (o *office) serve(l *agent.Local) {
	var err error
	if o.site, err = New(l); err != nil {
		o.Fatal(err)
	}
	o.entry = o.site.Entry()
	ctx, stop := context.WithCancel(o.Context())
	ended := make(chan error)
	go func() { ended <- o.site.Serve(ctx) }()
	o.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			o.Error(err)
		}
	})
}

// agent is the other end of the socket.
func (o *office) agent() http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern string, f func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := f(r)
			if err != nil {
				var b api.ErrorBody
				b.Error.Kind, b.Error.Message = muster.KindOf(err), err.Error()
				w.WriteHeader(api.StatusOf(b.Error.Kind))
				v = b
			}
			json.NewEncoder(w).Encode(v)
		})
	}
	locked := func(f func() any) func(*http.Request) (any, error) {
		return func(*http.Request) (any, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			return f(), nil
		}
	}
	answer("GET /v1/catalogue", locked(func() any { return o.cat }))
	answer("GET /v1/state", locked(func() any { return o.state }))
	answer("GET /v1/past", locked(func() any { return o.past }))
	answer("POST /v1/change", o.change)
	answer("POST /v1/postpone", func(r *http.Request) (any, error) {
		var d agent.Delay
		json.NewDecoder(r.Body).Decode(&d)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.delays = append(o.delays, d.Seconds)
		return agent.Delayed{Until: time.Now().Add(time.Duration(d.Seconds) * time.Second)}, o.refuse
	})
	mux.HandleFunc("GET /v1/icons/{sum}", func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		w.Write(o.icons[r.PathValue("sum")])
	})
	mux.HandleFunc("GET /v1/events", func(w http.ResponseWriter, r *http.Request) {
		for {
			http.NewResponseController(w).Flush()
			select {
			case e := <-o.events:
				json.NewEncoder(w).Encode(e)
			case <-r.Context().Done():
				return
			}
		}
	})
	return mux
}

func (o *office) change(r *http.Request) (any, error) {
	var w agent.Wish
	if err := json.NewDecoder(r.Body).Decode(&w); err != nil {
		return nil, err
	}
	o.mu.Lock()
	o.wishes = append(o.wishes, w)
	hold, err := o.hold, o.refuse
	o.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if err != nil {
		return nil, err
	}
	d := agent.Done{}
	for _, name := range w.Install {
		d.Steps = append(d.Steps, install.Summary{Name: name, Op: "install", To: "1"})
	}
	return d, nil
}

// A browser has the cookies of one person and runs no script.
type browser struct {
	*office
	http http.Client
}

func (o *office) browser() *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{o, http.Client{Jar: jar}}
}

func (b *browser) get(to string) (status int, body string) {
	b.Helper()
	resp, err := b.http.Get(b.at(to))
	if err != nil {
		b.Fatal(err)
	}
	return b.read(resp)
}

func (b *browser) at(to string) string {
	if strings.HasPrefix(to, "http://") {
		return to
	}
	return "http://" + b.site.host + b.site.folder + to
}

func (b *browser) read(resp *http.Response) (int, string) {
	b.Helper()
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func (b *browser) post(to string, fields ...string) (int, string) {
	b.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	resp, err := b.http.PostForm(b.at(to), form)
	if err != nil {
		b.Fatal(err)
	}
	return b.read(resp)
}

// enter begins the session, and fails the test where that does not work.
func (b *browser) enter() *browser {
	b.Helper()
	if status, body := b.get(b.entry); status != 200 || !strings.Contains(body, "url="+b.site.folder) {
		b.Fatalf("%d %s", status, body)
	}
	return b
}

// until reads a page again until it has the text: what it waits for is another
// goroutine's.
func (b *browser) until(to, text string) string {
	b.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if _, body := b.get(to); strings.Contains(body, text) {
			return body
		}
	}
	_, body := b.get(to)
	b.Fatalf("%s never has %q:\n%s", to, text, body)
	return ""
}

// lives calls see with the server-sent events, until it returns false.
func (b *browser) lives(see func(event, data string) bool) {
	b.Helper()
	resp, err := b.http.Get(b.at("live?working=1"))
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	event := ""
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if e, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			event = e
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && !see(event, data) {
			return
		}
	}
}
