package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/action"
)

func TestSendTimes(t *testing.T) {
	now := time.Date(2026, 11, 21, 18, 0, 0, 0, time.Local)
	at := func(hour, minute, day int) int64 {
		return time.Date(2026, 11, day, hour, minute, 0, 0, time.Local).Unix()
	}
	for _, c := range []struct {
		s           sending
		begin, end  int64
		queued, bad bool
	}{
		{s: sending{}, begin: at(17, 55, 21), end: at(19, 0, 21)},
		{s: sending{in: "2h"}, begin: at(20, 0, 21), end: at(21, 0, 21)},
		{s: sending{until: "18:30"}, begin: at(17, 55, 21), end: at(18, 30, 21)},
		{s: sending{until: "06:00"}, begin: at(17, 55, 21), end: at(6, 0, 22)},
		{s: sending{in: "1d", until: "2026-11-22 20:15"}, begin: at(18, 0, 22), end: at(20, 15, 22)},
		{s: sending{queue: "7d"}, begin: at(17, 55, 21), end: at(18, 0, 28), queued: true},
		{s: sending{queue: "30d"}, begin: at(17, 55, 21), end: at(17, 55, 51), queued: true},
		{s: sending{in: "soon"}, bad: true},
		{s: sending{until: "never"}, bad: true},
		{s: sending{queue: "0"}, bad: true},
	} {
		var a action.Action
		err := c.s.times(&a, now)
		if c.bad {
			if !isUsage(err) {
				t.Errorf("%+v: %v", c.s, err)
			}
			continue
		}
		if err != nil || a.NotBefore != c.begin || a.NotAfter != c.end || a.Queued != c.queued {
			t.Errorf("%+v: %s to %s, %v, %v", c.s, time.Unix(a.NotBefore, 0), time.Unix(a.NotAfter, 0), a.Queued, err)
		}
	}
}

func TestSendRefused(t *testing.T) {
	for _, s := range []sending{{kind: "format"}, {kind: "cancel"}, {kind: "run", script: "/nonexistent"}, {kind: "undo", set: []string{"x"}},
		{kind: "install"}, {kind: "reboot", packages: []string{"age"}}, {kind: "update", queue: "31d"}} {
		if _, err := s.action(time.Now()); err == nil || strings.Contains(err.Error(), "seconds") {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if _, err := (&sending{kind: "run", script: "/nonexistent"}).action(time.Now()); muster.KindOf(err) != muster.NotFound {
		t.Error(err)
	}
}

// TestSendShown: hosts that were shown are sent something, and no others.
func TestSendShown(t *testing.T) {
	for _, n := range []int{1, 2 * action.MaxNamed} {
		var ids []string
		for i := range n {
			ids = append(ids, fmt.Sprintf("00000000-0000-4000-8000-%012x", i))
		}
		tree, err := action.NewTree(ids)
		if err != nil {
			t.Fatal(err)
		}
		targets, err := tree.Targets()
		if err != nil {
			t.Fatal(err)
		}
		s := sending{targets: targets.Sum()}
		if err := s.shown(ids); err != nil {
			t.Error(err)
		}
		others := slices.Clone(ids)
		others[0] = "00000000-0000-4000-8000-ffffffffffff"
		if err := s.shown(others); muster.KindOf(err) != muster.Conflict {
			t.Errorf("as many others of %d: %v", n, err)
		}
	}
}
