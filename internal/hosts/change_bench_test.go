package hosts

import (
	"context"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db/dbtest"
)

// BenchmarkMany is what people wait for who look at the numbers of 50,000 hosts, and who
// change them all.
//
//	go test ./internal/hosts -run XXX -bench Many -benchtime 1x -v
func BenchmarkMany(b *testing.B) {
	w := newWorld(b, dbtest.SQLite(b))
	w.Hosts.census.patience = time.Minute
	crowd(w, 50_000)
	searches := []string{"", "enrolled<7d", "status:ok", "status:need-install or status:need-upgrade or status:need-downgrade or status:need-remove", "state:cloned", "status:revoked",
		"status:error", "state:pending", "seen>7d state:accepted", "free<1G", "has:reboot", "seen<3h", "seen<1d", "seen<7d", "seen>7d"}
	step := func(what string, f func(context.Context) error) {
		b.Helper()
		begun := time.Now()
		if err := f(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.Logf("%s: %v", what, time.Since(begun))
	}
	count := func(ctx context.Context) error { _, err := w.Counts(ctx, searches); return err }
	step("the census is read, and counted", count)
	w.census.version++
	step("the searches of the first page", count)
	step("the same again", count)
	unit, accepted, query := "paris", api.Accepted, ""
	c := api.HostsChange{Query: &query, Edit: api.HostEdit{State: &accepted, Unit: &unit, AddGroups: []string{"all"}}, Preview: true}
	change := func(ctx context.Context) error {
		out, err := w.Change(ctx, "alice", c)
		c.Preview, c.Expect = false, &out.HostSet
		return err
	}
	step("what a change of all would do", change)
	step("the change: state, unit and group", change)
	step("the first page after it", count)
	c.Edit, c.Forget = api.HostEdit{}, true
	step("all are forgotten", change)
	b.ReportMetric(0, "ns/op")
}
