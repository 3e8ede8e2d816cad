package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"muster"
)

// eventText writes events as the server does.
func eventText(t testing.TB, all []ActionEvent) string {
	t.Helper()
	var b strings.Builder
	for _, e := range all {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if e.Number != 0 {
			fmt.Fprintf(&b, "id: %d\n", e.Number)
		}
		fmt.Fprintf(&b, "data: %s\n\n", data)
	}
	return b.String()
}

func eventsOf(text string) (all []ActionEvent, err error) {
	err = readEvents(strings.NewReader(text), func(e ActionEvent) error {
		all = append(all, e)
		return nil
	})
	return all, err
}

// TestEvents: what a server writes is read, with signs of life between and a
// number that stays until the next.
func TestEvents(t *testing.T) {
	want := []ActionEvent{{Number: 7, Target: &Target{Host: "a", State: "done", Note: "x\ny"}}, {Number: 7, Log: &ActionLog{Host: "a", Text: "é\r\n"}},
		{Number: 9, Action: &Action{ID: "1", Signers: []string{"alice"}, Counts: map[string]int{"done": 1}}}}
	got, err := eventsOf(": hello\n\n" + eventText(t, want) + ": still here\n\ndata: {\"cut")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = eventsOf("data: " + strings.Repeat("x", maxEvent+1))
	if muster.KindOf(err) != muster.Invalid {
		t.Errorf("a long one: %v", err)
	}
	if _, err = eventsOf("data: {\n\n"); muster.KindOf(err) != muster.Invalid {
		t.Errorf("a damaged one: %v", err)
	}
}

// FuzzEvents: what is read can be written and reads as the same.
func FuzzEvents(f *testing.F) {
	f.Add("id: 7\ndata: {\"target\":{\"host\":\"a\",\"state\":\"done\"}}\n\n: alive\n\ndata: {\"log\":{\"host\":\"a\",\"text\":\"x\"}}\n\n")
	f.Add("event: x\nid:8\ndata:{\ndata:}\n\n")
	f.Add("id: x\ndata\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := eventsOf(text)
		if err != nil {
			return
		}
		var written []ActionEvent
		for _, e := range all {
			data, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			if len(data) < maxEvent-8 { // escapes may make it longer
				written = append(written, e)
			}
		}
		again, err := eventsOf(eventText(t, written))
		if err != nil || len(again) != len(written) {
			t.Fatalf("%d events, then %d, %v", len(written), len(again), err)
		}
		for i := range again {
			a, b := eventText(t, again[i:i+1]), eventText(t, written[i:i+1])
			if written[i].Number != 0 && a != b {
				t.Fatalf("%q, then %q", b, a)
			}
		}
	})
}
