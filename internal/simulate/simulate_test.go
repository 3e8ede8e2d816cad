package simulate

import (
	"testing"
	"time"

	"muster/inventory"
)

// Documents of templates are ones that a server takes, the same for one seed,
// and a change is a small delta.
func TestTemplates(t *testing.T) {
	for name, make := range templates {
		for seed := range uint64(5) {
			doc := make(seed, 0)
			whole, err := doc.Marshal()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if again, err := make(seed, 0).Marshal(); err != nil || string(again) != string(whole) {
				t.Errorf("%s: another document of the same seed, %v", name, err)
			}
			for changes := 1; changes < 300; changes += 99 {
				d, err := inventory.Diff(make(seed, changes-1), make(seed, changes))
				if err != nil {
					t.Fatal(err)
				}
				data, err := d.Marshal()
				if err != nil || len(data) > 2000 || d.Base == d.Result {
					t.Errorf("%s: change %d is a delta of %d bytes, %v", name, changes, len(data), err)
				}
			}
		}
	}
}

// Percentiles are those of what was counted, within a bucket.
func TestPercentiles(t *testing.T) {
	s := newStats()
	for i := range 1000 {
		s.add("x", time.Duration(i+1)*time.Millisecond, nil)
	}
	s.add("x", time.Hour, errTest)
	p := s.phase(10 * time.Second)
	got := p.Of("x")
	for _, c := range []struct{ got, want float64 }{{got.P50, 500}, {got.P90, 900}, {got.P99, 990}} {
		if c.got < c.want/1.04 || c.got > c.want*1.04 {
			t.Errorf("a percentile is %.1f ms, want %.1f", c.got, c.want)
		}
	}
	if got.Count != 1001 || got.Errors != 1 || got.Max != 1000 || got.Rate != 100.1 {
		t.Errorf("%+v", got)
	}
}

type testError struct{}

func (testError) Error() string { return "test" }

var errTest = testError{}
