package console

import (
	"fmt"
	"net/http"
	"time"

	"muster/api"
)

const (
	liveWait = 20 * time.Second // for one answer of the server: shorter than proxies cut off
	liveLast = 30 * time.Minute // of one stream; the browser comes back by itself
)

// liveKinds are what pages follow.
var liveKinds = []string{"host", "rollout", "action"}

// A teller writes server-sent events.
type teller struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func tellTo(w http.ResponseWriter) teller {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	return teller{w, http.NewResponseController(w)}
}

// tell writes one event, at once: its data is one line.
func (t teller) tell(event, data string) error {
	t.control.SetWriteDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // not supported in some tests
	if _, err := fmt.Fprintf(t.w, "event: %s\ndata: %s\n\n", event, data); err != nil {
		return err
	}
	return t.control.Flush()
}

// live tells a page, as server-sent events, that something happened to hosts that
// whoever looks may see, to rollouts or to actions: the page asks anew for the parts that may have changed.
func live(v *visit, w http.ResponseWriter) error {
	page, err := v.api.Changes(v.ctx(), api.FeedQuery{Kinds: liveKinds})
	if err != nil {
		return err
	}
	to := tellTo(w)
	for until := v.Now().Add(liveLast); err == nil && v.Now().Before(until); {
		name := "pulse" // keeps the connection, and finds out that nobody listens
		if len(page.Items) > 0 {
			name = "news"
		}
		if err = to.tell(name, decimal(len(page.Items))); err == nil {
			page, err = v.api.Changes(v.ctx(), api.FeedQuery{Since: page.Next, Kinds: liveKinds, Wait: liveWait})
		}
	}
	return nil // what ended it, the browser tries again
}
