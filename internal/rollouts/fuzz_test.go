package rollouts

import (
	"encoding/json"
	"slices"
	"testing"

	"muster/rollout"
)

// FuzzCounts: whatever the database holds, it is nothing or what is written as what
// reads the same.
func FuzzCounts(f *testing.F) {
	f.Add([]byte(`[{"hosts":10,"done":7,"failed":1},{"hosts":90,"done":0,"failed":0}]`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		all := readCounts(data)
		if len(all) > rollout.MaxRings {
			t.Fatalf("%d rings", len(all))
		}
		again, err := json.Marshal(all)
		if err != nil || !slices.Equal(readCounts(again), all) {
			t.Fatalf("%s, then %s, %v", data, again, err)
		}
	})
}
