package relay

import (
	"slices"
	"testing"
	"time"

	"muster/action"
	"muster/api"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// Who follows hears of each action and of each host's last word once, whatever the size
// of pages, and of nothing that is not in view.
func TestFollow(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var want []string
		for range 3 {
			post, a := w.order(3, nil)
			must(w.Post(t.Context(), "alice", post))(t)
			w.report(1, post.Message, a.ID, action.Started, "begun")
			w.report(1, post.Message, a.ID, action.Done, "done")
			w.report(2, post.Message, a.ID, action.Refused, "no")
			want = append(want, a.ID+" open", a.ID+" done", a.ID+" refused")
		}
		read := func(limit int, v View) (all []string) {
			t.Helper()
			for after := int64(0); ; {
				items, last, err := w.Follow(t.Context(), after, limit, v)
				check(t, err)
				if len(items) > limit {
					t.Errorf("%d items, more than %d", len(items), limit)
				}
				for _, i := range items {
					if i.Action != nil {
						all = append(all, i.Action.ID+" "+string(i.Action.State))
					} else {
						all = append(all, i.Target.Action+" "+i.Target.State)
					}
				}
				if last == after {
					return all
				}
				after = last
			}
		}
		for _, limit := range []int{1, 2, 5, 100} {
			if got := read(limit, nil); !slices.Equal(got, want) {
				t.Errorf("%d at once: %q, want %q", limit, got, want)
			}
		}
		first := View{hostID(1): true}
		if got := read(2, first); len(got) != 6 || slices.Contains(got, want[2]) {
			t.Errorf("of one host: %q", got)
		}
		if got := read(2, View{hostID(9): true}); got != nil {
			t.Errorf("of none: %q", got)
		}
		newest := must(w.Newest(t.Context()))(t)
		w.pass(2 * time.Hour)
		check(t, w.Turn(t.Context()))
		items, _, err := w.Follow(t.Context(), newest, 100, nil)
		check(t, err)
		for _, i := range items {
			if i.Kind != "action."+string(api.ActionOver) || i.Time == 0 {
				t.Errorf("%+v", i)
			}
		}
		if len(items) != 3 {
			t.Errorf("%d actions are over", len(items))
		}
	})
}
