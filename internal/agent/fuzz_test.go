package agent

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"muster/settings"
)

// FuzzWish holds that whatever a user of the machine sends is either refused or asks
// for names, in that user's name.
func FuzzWish(f *testing.F) {
	f.Add(`{"install":["age>=1.3"],"remove":["tool"]}`)
	f.Add(`{"upgrade":true}`)
	f.Add(`{"upgrade":true,"only":["tool","a b"]}`)
	f.Add(`{"install":["../../etc/passwd"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var w Wish
		if json.Unmarshal([]byte(text), &w) != nil {
			return
		}
		req, err := w.request("alice")
		if err != nil {
			return
		}
		if req.User != "alice" || len(req.Files) > 0 || req.Force || req.Purge || len(req.Params) > 0 {
			t.Errorf("%s asks for %+v", text, req)
		}
		if len(req.Install) != len(w.Install) || !req.Upgrade && len(req.Install)+len(req.Remove) == 0 {
			t.Errorf("%s became %+v", text, req)
		}
		for _, name := range append(req.Remove, req.Only...) {
			if strings.ContainsAny(name, `/\ `) {
				t.Errorf("%q is to be removed", name)
			}
		}
	})
}

// FuzzListen holds that what a process of work prints, and what a crash leaves of it,
// is read to its end.
func FuzzListen(f *testing.F) {
	f.Add("{\"text\":\"x\"}\n{\"done\":{\"notes\":[\"n\"]}}\n")
	f.Add("panic: oh\n\n{\"done\"")
	f.Fuzz(func(t *testing.T, text string) {
		told := 0
		listen(strings.NewReader(text), func(n News) {
			if told++; n.Done != nil {
				t.Error("the end is told as news")
			}
		})
		if lines := strings.Count(text, "\n") + 1; told > lines {
			t.Errorf("%d news in %d lines", told, lines)
		}
	})
}

// FuzzState holds that damaged files of the home are as good as none.
func FuzzState(f *testing.F) {
	f.Add(`{"format":1,"id":"5f0c6a0e-0000-4000-8000-000000000001","server":"s","url":"https://x"}`)
	f.Add(`{"current":"2","bad":{"3":"x"}}`)
	f.Add(`{"at":1700000000,"waited":-5,"fails":9,"rest":9223372036854775807}`)
	f.Add(`{"at":1700000000,"waited":5,"later":9223372036854775807}`)
	f.Add(`{"offers":[{"name":"tool","kind":"base","version":"1"}],"rules":[{"Who":["*"],"Packages":["t*"],"Kinds":["base"],"May":["install"]}],"past":[{"id":1}]}`)
	f.Add(`18446744073709551616`)
	f.Fuzz(func(t *testing.T, text string) {
		h := &Home{Dir: t.TempDir()}
		for _, name := range []string{"host.json", "known.json", "policy.json", "counter", "state.json", "settings.json", "schedule.json", "shelf.json"} {
			if err := h.Disk.WriteFile(h.file(name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if id, err := h.Identity(); err == nil && !isUUID(id.ID) {
			t.Errorf("the host is %q", id.ID)
		}
		if h.known() == nil || h.policy() == nil || h.Settings().Update <= 0 {
			t.Error("a damaged file breaks the agent")
		}
		v := &Versions{Dir: h.Dir}
		if s := v.read(); s.Bad == nil || s.Told == nil {
			t.Error("a damaged file breaks the launcher")
		}
		s, now := &Schedule{Settings: h.Settings(), Random: func() float64 { return 0.5 }}, Instant{time.Unix(1700000000, 0), time.Hour}
		s.recall(h.memory(), now)
		if again := s.remember(now); again.Waited < 0 || again.Rest < 0 || again.Rest > 2*whole(lastRetry) {
			t.Errorf("a damaged file breaks the schedule: %+v", again)
		}
		if again := s.remember(now); again.Later < 0 || again.Later > whole(longestPostponed) {
			t.Errorf("a damaged file puts the upgrade off: %+v", again)
		}
		shelf := h.readShelf()
		seenBy(&Peer{Name: "bob"}, shelf.Past)
		for i := range shelf.Offers {
			if may := shelf.may(&Peer{ID: "1", Name: "bob"}, &shelf.Offers[i]); len(may) > 0 && len(shelf.Rules) == 0 {
				t.Errorf("without rules bob may %v", may)
			}
		}
		c := &Counter{home: h}
		first, err := c.Next()
		if second, again := c.Next(); err == nil && (again != nil || second <= first) {
			t.Errorf("counter %d, then %d: %v", first, second, again)
		}
	})
}

// FuzzDelay holds that whatever a user sends puts an upgrade off for a bounded time, not
// past its deadline, and never brings it forward past what it waits for.
func FuzzDelay(f *testing.F) {
	f.Add(`{"seconds":3600}`, int64(7*24*3600), int64(1700000100))
	f.Add(`{"seconds":-1}`, int64(0), int64(0))
	f.Add(`{"seconds":9223372036854775807}`, int64(3600), int64(0))
	f.Fuzz(func(t *testing.T, text string, deadline, forced int64) {
		var d Delay
		if json.Unmarshal([]byte(text), &d) != nil {
			return
		}
		span, err := d.span()
		if err != nil {
			return
		}
		now := Instant{time.Unix(1700000000, 0), time.Hour}
		s := &Schedule{Settings: settings.Defaults(), Random: func() float64 { return 0.5 }}
		s.Settings.Deadline = period(deadline)
		s.pending = &pending{what: &Upgradable{Steps: []string{"upgrade tool"}, Forced: forced}, since: now.Up}
		before := s.deadline(now)
		until, err := s.Postpone(now, span)
		if err != nil || until.IsZero() {
			return
		}
		if until.After(now.Wall.Add(longestPostponed)) || !before.IsZero() && until.After(before) || !s.deadline(now).Equal(before) {
			t.Errorf("put off by %s until %s, deadline %s", span, until, before)
		}
	})
}

// FuzzIconName holds that no name of an icon leads to another file.
func FuzzIconName(f *testing.F) {
	f.Add("../host.json")
	f.Add(strings.Repeat("a", 64))
	f.Fuzz(func(t *testing.T, name string) {
		h := &Home{Dir: t.TempDir()}
		if err := h.Disk.WriteFile(h.file("host.json"), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		if data, err := h.readIcon(name); err == nil {
			t.Errorf("%q is %q", name, data)
		}
	})
}
