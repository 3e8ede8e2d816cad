package settings

import (
	"maps"
	"slices"
	"testing"
)

func TestActions(t *testing.T) {
	a, _, problems := Resolve([]Layer{{"config office 1", map[string]string{
		"action-kinds": "update, install", "action-signers": "Alice Martin, sha256:00ff", "action-approvals": "reboot 2, run 3"}}})
	if len(problems) > 0 || a.Actions.None || !slices.Equal(a.Actions.Kinds, []string{"update", "install"}) ||
		!slices.Equal(a.Actions.Signers, []string{"Alice Martin", "sha256:00ff"}) || !maps.Equal(a.Actions.Approvals, map[string]int{"reboot": 2, "run": 3}) {
		t.Errorf("%+v, %v", a.Actions, problems)
	}
	a, _, problems = Resolve([]Layer{{"one", map[string]string{"action-kinds": "none", "action-approvals": "run 2"}},
		{"two", map[string]string{"action-approvals": "any", "action-signers": "any"}}})
	if len(problems) > 0 || !a.Actions.None || a.Actions.Signers != nil || a.Actions.Approvals != nil {
		t.Errorf("%+v, %v", a.Actions, problems)
	}
	if a, _, _ = Resolve([]Layer{{"one", map[string]string{"action-kinds": "none"}}, {"two", map[string]string{"action-kinds": "any"}}}); a.Actions.None || a.Actions.Kinds != nil {
		t.Errorf("%+v", a.Actions)
	}
	for name, values := range map[string][]string{
		"action-kinds":     {"", "in stall", "install,", "none,"},
		"action-signers":   {"", "alice,,bob", "\x1b"},
		"action-approvals": {"", "reboot", "reboot 0", "reboot 17", "reboot 2, reboot 3", "2 reboot", "reboot two"},
	} {
		for _, v := range values {
			if _, _, problems := Resolve([]Layer{{"one", map[string]string{name: v}}}); len(problems) != 1 {
				t.Errorf("%s: %q is accepted", name, v)
			}
		}
	}
}
