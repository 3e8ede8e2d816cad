package index

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/internal/canon"
	"muster/rollout"
)

// noon is a time of publication.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func newHead() *Head {
	at := noon.Unix()
	return &Head{Type: HeadType, Gates: map[string]rollout.Gate{"rollout-b": {State: rollout.Paused}, "rollout-a": {Ring: 2, Since: at, State: rollout.Running}},
		Repository: "main", Date: at, Serial: at, Expires: at + 14*86400,
		Mirrors: []string{"https://mirror.example.org/muster"}, MinVersions: map[string]string{"zip": "3", "age": "1.3"},
		Trust: LinkRef{1, Sum([]byte("link"))},
		Bins:  []Bin{{"3", Sum([]byte("table 3")), 700}, {"f", Sum([]byte("table f")), 100}},
		Index: List{Blob{Sum([]byte("zst")), 100}, Blob{Sum([]byte("raw")), 1000}, at}}
}

func encode(t testing.TB, v interface{ Encode() ([]byte, error) }) []byte {
	t.Helper()
	data, err := v.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestHeadHasOneEncoding(t *testing.T) {
	data := encode(t, newHead())
	if err := canon.Sorted(data); err != nil {
		t.Error(err)
	}
	h, err := ParseHead(data)
	if err != nil {
		t.Fatal(err)
	}
	if again := encode(t, h); string(again) != string(data) {
		t.Errorf("encoded again: %s", again)
	}
	for name, broken := range map[string]string{
		"space":         strings.Replace(string(data), ":", ": ", 1),
		"unknown field": strings.Replace(string(data), "{", `{"a":1,`, 1),
		"member twice":  strings.Replace(string(data), `"type"`, `"trust":{"number":1,"sha256":""},"type"`, 1),
		"float":         strings.Replace(string(data), `"number":1`, `"number":1.0`, 1),
		"more behind":   string(data) + "{}",
		"null":          "null",
		"half":          string(data[:len(data)/2]),
		"nothing":       "",
	} {
		if _, err := ParseHead([]byte(broken)); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestHeadRefused(t *testing.T) {
	for name, edit := range map[string]func(*Head){
		"other type":         func(h *Head) { h.Type = LinkType },
		"no id":              func(h *Head) { h.Repository = "" },
		"id with a path":     func(h *Head) { h.Repository = "../x" },
		"bin without prefix": func(h *Head) { h.Bins = []Bin{{"", Sum(nil), 1}} },
		"bin of two digits":  func(h *Head) { h.Bins = []Bin{{"3f", Sum(nil), 1}} },
		"bins not sorted":    func(h *Head) { h.Bins = []Bin{{"3", Sum(nil), 1}, {"1", Sum(nil), 1}} },
		"bin twice":          func(h *Head) { h.Bins = []Bin{{"3", Sum(nil), 1}, {"3", Sum(nil), 1}} },
		"serial before date": func(h *Head) { h.Serial-- },
		"serial 2^62":        func(h *Head) { h.Serial = 1 << 62 },
		"expired at birth":   func(h *Head) { h.Expires = h.Date },
		"index of later":     func(h *Head) { h.Index.Serial = h.Serial + 1 },
		"huge index":         func(h *Head) { h.Index.Raw.Size = MaxText + 1 },
		"bad hash":           func(h *Head) { h.Index.Compressed.SHA256 = "x" },
		"no link":            func(h *Head) { h.Trust.Number = 0 },
		"mirror with user":   func(h *Head) { h.Mirrors = []string{"https://u:p@host/"} },
		"mirror file":        func(h *Head) { h.Mirrors = []string{"file:///etc"} },
		"mirror query":       func(h *Head) { h.Mirrors = []string{"https://host/?x"} },
		"bad minimum":        func(h *Head) { h.MinVersions["zip"] = "not a version" },
		"bad minimum's name": func(h *Head) { h.MinVersions["Zip"] = "1" },
		"gate of no state":   func(h *Head) { h.Gates = map[string]rollout.Gate{"r": {}} },
		"gate of ring -1":    func(h *Head) { h.Gates = map[string]rollout.Gate{"r": {State: rollout.Running, Ring: -1}} },
		"gate without name":  func(h *Head) { h.Gates = map[string]rollout.Gate{"": {State: rollout.Running}} },
		"too many gates": func(h *Head) {
			h.Gates = map[string]rollout.Gate{}
			for i := range MaxGates + 1 {
				h.Gates[fmt.Sprint("r", i)] = rollout.Gate{State: rollout.Running}
			}
		},
	} {
		h := newHead()
		edit(h)
		if _, err := ParseHead(encode(t, h)); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestCheckHead(t *testing.T) {
	old := newHead()
	later := func(seconds int64, edit func(*Head)) *Head {
		h := newHead()
		h.Date, h.Serial = h.Date+seconds, h.Serial+seconds
		h.Expires += seconds
		if edit != nil {
			edit(h)
		}
		return h
	}
	now := noon.Add(time.Hour)
	day := int64(86400)
	for _, test := range []struct {
		name string
		new  *Head
		old  *Head
		now  time.Time
		want error
		kind muster.ErrorKind
	}{
		{"first use", newHead(), nil, now, nil, ""},
		{"the same again", newHead(), old, now, nil, ""},
		{"newer", later(60, nil), old, now, nil, ""},
		{"clock of the publisher stepped back", later(0, func(h *Head) { h.Serial++; h.Date -= 3600 }), old, now, nil, ""},
		{"older", later(-60, nil), old, now, &Rollback{}, muster.Denied},
		{"another of the same serial", later(0, func(h *Head) { h.Expires++ }), old, now, &Rollback{}, muster.Denied},
		{"other repository", later(60, func(h *Head) { h.Repository = "other" }), old, now, &OtherRepository{}, muster.Denied},
		{"23 hours ahead", later(day, nil), old, now.Add(time.Hour), nil, ""},
		{"25 hours ahead", later(day+3601, nil), nil, noon, &TooNew{}, muster.Denied},
		{"serial far ahead of its date", later(60, func(h *Head) { h.Serial += 3 * day }), old, now, &TooNew{}, muster.Denied},
		{"expired", later(60, nil), old, noon.Add(15 * 24 * time.Hour), &Expired{}, muster.Stale},
		{"expired in this second", newHead(), nil, noon.Add(14 * 24 * time.Hour), &Expired{}, muster.Stale},
		{"older link of trust", later(60, nil), later(0, func(h *Head) { h.Trust.Number = 2 }), now, errAny, muster.Denied},
		{"older index", later(60, func(h *Head) { h.Index.Serial-- }), old, now, errAny, muster.Denied},
		{"clock in 2001", newHead(), nil, time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), &TooNew{}, muster.Denied},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := CheckHead(test.new, test.old, test.now)
			if muster.KindOf(err) != test.kind || !sameType(err, test.want) {
				t.Errorf("error %v (%s), want %T (%s)", err, muster.KindOf(err), test.want, test.kind)
			}
		})
	}
}

// A head that is a little older is that of a mirror that lags.
func TestCase07Lags(t *testing.T) {
	const day = 86400
	at := noon.Unix()
	for offered, want := range map[int64]bool{at - 1: true, at - day: true, at - day - 1: false, at: false, at + 1: false, 1: false} {
		if got := (&Rollback{at, offered}).Lags(); got != want {
			t.Errorf("%d seconds behind: %v", at-offered, got)
		}
	}
}

var errAny = errors.New("any")

func sameType(err, want error) bool {
	switch want.(type) {
	case nil:
		return err == nil
	case *Rollback:
		return errors.As(err, new(*Rollback))
	case *TooNew:
		return errors.As(err, new(*TooNew))
	case *OtherRepository:
		return errors.As(err, new(*OtherRepository))
	case *Expired:
		return errors.As(err, new(*Expired))
	}
	return err != nil
}
