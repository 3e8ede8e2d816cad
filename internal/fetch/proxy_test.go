package fetch

import (
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
)

// TestProxy runs itself with the proxy in its environment, which is read once
// in a process.
func TestProxy(t *testing.T) {
	if os.Getenv("MUSTER_TEST_PROXIED") == "1" {
		if _, err := newClient(t).Get(t.Context(), []string{"http://repository.invalid/x"}, theBlob); err != nil {
			t.Fatal(err)
		}
		return
	}
	var requests atomic.Int32
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host == "repository.invalid" && r.Header.Get("User-Agent") == "muster" {
			requests.Add(1)
		}
		good(w, r)
	})
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxy$")
	cmd.Env = append(os.Environ(), "MUSTER_TEST_PROXIED=1", "http_proxy="+proxy, "no_proxy=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests went through the proxy", n)
	}
}
