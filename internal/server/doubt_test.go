package server

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/api"
)

// What the server doubts of hosts is in the audit log: two machines with one key, a
// machine that wants to be another host, and a host that a person refused and that asks
// all the same. Hosts that wait for approval are nobody to speak of.
func TestDoubtsAreAudited(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	hosts := w.joined(p, 3)
	token := must(p.CreateToken(t.Context(), api.TokenRequest{Uses: 9}))(t).Secret
	ask := func(m *machine) error {
		_, err := m.CheckIn(t.Context(), api.CheckIn{Clock: time.Now().Unix()})
		return err
	}
	since := w.entries(p, 0)
	for range 3 {
		check(t, ask(hosts[0]))
	}
	hosts[0].counter.Add(^uint64(1)) // the copy of its disk counts from before
	hosts[0].Now = func() time.Time { return time.Now().Add(10 * time.Second) }
	wantKind(t, ask(hosts[0]), muster.Conflict)

	for range 2 {
		impostor := w.machine(2)
		_, err := impostor.Enrol(t.Context(), api.Enrol{Token: token})
		wantKind(t, err, muster.Conflict)
	}

	refused := api.Refused
	must(p.EditHost(t.Context(), hosts[2].ID, api.HostEdit{State: &refused}))(t)
	wantKind(t, ask(hosts[2]), muster.Denied)

	waiting := w.machine(4)
	waiting.join("")
	wantKind(t, ask(waiting), muster.Denied)

	var got []string
	for _, e := range w.entries(p, int64(len(since))) {
		if e.What == "host" {
			got = append(got, e.Target[35:]+" "+e.Outcome+": "+strings.Join(strings.Fields(e.Reason)[:4], " "))
		}
	}
	want := []string{"1 conflict: two machines use its", "2 conflict: a machine at 127.0.0.1", `3 denied: host "` + hosts[2].ID + `" was refused`}
	if !slices.Equal(got, want) {
		t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
