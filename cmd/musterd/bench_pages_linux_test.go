package main

import (
	"compress/gzip"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/testneed/crowd"
)

// BenchmarkPages is what people wait for in the console of a fleet of
// MUSTER_BENCH_HOSTS simulated hosts, each MUSTER_BENCH_COPIES times: whole pages,
// compressed, over TLS.
//
//	MUSTER_BENCH_COPIES=5 go test ./cmd/musterd -run XXX -bench Pages -benchtime 1x -timeout 2h -v
//
// Where MUSTER_BENCH_PPROF names a file, it gets a profile of the server's processor time
// while pages are asked for.
func BenchmarkPages(b *testing.B) {
	limits := filepath.Join(b.TempDir(), "limits.yaml") // what one person asks for here is that of a hundred
	check(b, os.WriteFile(limits, []byte("limits: {rates: {people: 100000, about: 100000, repo: 100000}}\n"), 0o600))
	t := newTrial(b, fleetSize, fleetSize, "mixed", "MUSTERD_CONFIG="+limits)
	if times := envInt("MUSTER_BENCH_COPIES", 1); times > 1 {
		t.stop(syscall.SIGTERM)
		crowd.Multiply(b, filepath.Join(t.data, "muster.db"), times)
		t.env = append(t.env, "MUSTERD_LIMITS_HOSTS="+strconv.Itoa(times*fleetSize))
		t.start()
	}
	p := person(b, t.url(), t.roots())
	page, err := p.Hosts(b.Context(), api.HostQuery{Query: "os:linux", Limit: 1, Count: true})
	for ; muster.KindOf(err) == muster.Busy; page, err = p.Hosts(b.Context(), api.HostQuery{Query: "os:linux", Limit: 1, Count: true}) {
		<-time.After(time.Second) // it reads what it knows of its hosts
	}
	one := must(page, err)(b).Hosts[0].ID
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, TLSClientConfig: &tls.Config{RootCAs: t.roots()}}}
	defer client.CloseIdleConnections()
	for _, path := range []string{"/", "/hosts", "/hosts?q=os:debian&sort=-seen&c=memory&c=ip", "/hosts?q=package:openssl%3C3.0.7", "/hosts/" + one,
		"/hosts/" + one + "?tab=history", "/hosts/" + one + "?tab=inventory", "/find?q=pc-00", "/find?q=openssl",
		"/hosts/change?op=approve&all=1&q=name:pc-000*", "/packages", "/groups", "/rollouts", "/actions", "/actions/send", "/reports",
		"/reports?kind=fleet", "/reports?kind=silent", "/reports?kind=patches", "/reports?kind=versions&software=openssl", "/reports?kind=software", "/reports?kind=failures", "/reports?kind=changes", "/people", "/rights", "/tokens", "/apitokens",
		"/sessions", "/webhooks", "/audit", "/audit?who=alice", "/settings"} {
		sent, whole := 0, 0
		t.ask(path, func() (err error) {
			sent, whole, err = pageOf(client, t.url()+path, p.Token)
			return err
		})
		b.Logf("%s: %d bytes, %d sent", path, whole, sent)
	}
	t.stop(syscall.SIGTERM) // so that a profile is written
	b.ReportMetric(0, "ns/op")
}

// pageOf asks for a page with the session of a person, and returns how many bytes came,
// and how many it has.
func pageOf(client *http.Client, url, token string) (sent, whole int, err error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Accept-Encoding", "gzip")
	req.AddCookie(&http.Cookie{Name: api.Cookie, Value: token})
	resp, err := client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Request.URL.Path == "/login" {
		if text, err := gzip.NewReader(resp.Body); err == nil {
			data, _ := io.ReadAll(text)
			_, why, _ := strings.Cut(string(data), "<main")
			return 0, 0, muster.Errorf(muster.Invalid, "%s answered %s: %.500s", url, resp.Status, why)
		}
		return 0, 0, muster.Errorf(muster.Invalid, "%s answered %s", url, resp.Status)
	}
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		return 0, 0, err
	}
	n, err := io.Copy(io.Discard, z)
	return int(resp.ContentLength), int(n), err
}
