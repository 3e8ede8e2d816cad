package server

import (
	"net/http"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/httpsig"
)

// TestKeyReplaced: a body may come as slowly as its sender likes; the key that signed
// it may be another host's key of yesterday by then.
func TestKeyReplaced(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 2}))(t)
	m, thief := w.machine(1), w.machine(2)
	m.join(token.Secret)
	req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+api.RouteInventory, nil))(t)
	r := &request{Request: req, message: &httpsig.Message{KeyID: m.ID}, key: m.Key.Public(), began: time.Now().Add(-time.Hour)}
	if err := w.sameKey(r); err != nil {
		t.Errorf("the same key: %v", err)
	}
	r.key = thief.Key.Public()
	if err := w.sameKey(r); muster.KindOf(err) != muster.Denied {
		t.Errorf("another key: %v", err)
	}
}
