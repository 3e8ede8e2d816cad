package console

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// What a host says it has is shown within bounds, in order, and all that the filter lets
// through is counted.
func FuzzInventory(f *testing.F) {
	f.Add([]byte(`{"packages":{"dpkg":[{"name":"b","version":"1"},{"name":"A","version":"2","architecture":"amd64"}]},"hardware":{"memory":17179869184,"disks":[{"size":0.5}]}}`), "a")
	f.Add([]byte(`{"packages":{"x":null},"system":null,"a":{"b":{"c":[[[true]]]}}}`), "")
	f.Add([]byte(`{"packages":[]}`), "x")
	f.Fuzz(func(t *testing.T, doc []byte, filter string) {
		var sections map[string]json.RawMessage
		if json.Unmarshal(doc, &sections) != nil {
			return
		}
		var all, some softwareList
		if all.read(sections["packages"], "") == nil {
			if err := some.read(sections["packages"], filter); err != nil {
				t.Fatal(err)
			}
			if len(all.Rows) > maxSoftware || len(all.Rows)+all.More != all.All || some.All != all.All || len(some.Rows)+some.More > all.All {
				t.Fatalf("%d rows and %d more of %d; %d and %d of %d", len(all.Rows), all.More, all.All, len(some.Rows), some.More, some.All)
			}
			if !slices.IsSortedFunc(all.Rows, func(a, b softwareRow) int { return strings.Compare(a.Name, b.Name) }) {
				t.Fatal("rows are out of order")
			}
		}
		facts, err := factsOf(sections)
		if err == nil && (len(facts) > maxFacts || !slices.IsSortedFunc(facts, func(a, b fact) int { return strings.Compare(a.Name, b.Name) })) {
			t.Fatalf("%d facts, or out of order", len(facts))
		}
	})
}
