package fetch

import (
	"fmt"
	"testing"
)

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 0-9/10")
	f.Add("bytes 5-9/*")
	f.Add("bytes */10")
	f.Fuzz(func(t *testing.T, s string) {
		first, total, err := contentRange(s)
		if err != nil {
			return
		}
		if first < 0 || total != -1 && total <= first {
			t.Errorf("%q: %d of %d", s, first, total)
		}
		if total >= 0 {
			again := fmt.Sprintf("bytes %d-%d/%d", first, total-1, total)
			if f2, t2, err := contentRange(again); err != nil || f2 != first || t2 != total {
				t.Errorf("%q: %d, %d, %v", again, f2, t2, err)
			}
		}
	})
}
