package auditlog

import (
	"bytes"
	"testing"
)

// BenchmarkVerify is the question how long an entry takes: a log has millions.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b).grow(b, 200_000)
	export := w.export(b)
	b.SetBytes(int64(len(export)))
	b.ResetTimer()
	for range b.N {
		if _, err := Verify(bytes.NewReader(export), w.key); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200_000, "ns/entry")
}
