package advisories

import (
	"testing"
	"time"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// TestTwoServers has two servers use one database: one works at a time, and one that was
// away for long changes nothing once the other has taken over.
func TestTwoServers(t *testing.T) {
	dbtest.Pairs(t, func(t *testing.T, first, second *db.DB) {
		one := newWorld(t, first)
		two := newWorld(t, second, func(c *Config) { c.Now = func() time.Time { return one.now } })
		one.site("LYON")
		host := one.report("LYON", "a", said{}, "curl 1")
		one.bring("debian", "debian", tracker("curl CVE-1 bookworm 2 high"))
		same(t, "as the other has it", two.found(nil, host, api.FindingQuery{}), []string{"CVE-1 curl 2 high"})

		mine, err := one.work(t.Context(), func() error {
			_, err := two.Import(t.Context(), ImportOptions{Source: "debian", Form: "debian", Shrink: true}, readerOf(tracker("curl CVE-2 bookworm - low")))
			wantKind(t, err, muster.Busy)
			one.report("LYON", "b", said{}, "curl 1")
			two.follow() // does nothing
			if n := two.rowsOf("advisories_host"); n != 1 {
				t.Errorf("%d hosts are counted by who does not work", n)
			}
			one.pass(hold + time.Second)
			two.follow()
			if n := two.rowsOf("advisories_host"); n != 2 {
				t.Errorf("%d hosts are counted by who has taken over", n)
			}
			mine, err := two.work(t.Context(), func() error {
				err := one.write(t.Context(), func(tx *db.Tx) error { return setSelf(tx, "known", 0) })
				wantKind(t, err, muster.Busy)
				return nil
			})
			if !mine {
				t.Error("the other does not work")
			}
			return err
		})
		if !mine || err != nil {
			t.Errorf("%v, %v", mine, err)
		}
		two.bring("debian", "debian", tracker("curl CVE-2 bookworm - low"))
		same(t, "as the first has it", one.found(nil, host, api.FindingQuery{}), []string{"CVE-2 curl  low"})
	})
}
