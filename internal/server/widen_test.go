package server

import (
	"strings"
	"testing"

	"muster"
	"muster/action"
	"muster/api"
)

// Who may put hosts into groups does not give themselves what rules give by them; the
// log says which action was sent.
func TestRightsByGroup(t *testing.T) {
	w := newWorld(t)
	p := w.person()
	hosts := w.joined(p, 2)
	must(p.PutGroup(t.Context(), api.Group{Name: "kiosk", Members: []string{hosts[0].ID}}))(t)
	must(p.PutGroup(t.Context(), api.Group{Name: "paint", Members: []string{hosts[0].ID}}))(t)
	must(p.AddPerson(t.Context(), api.PersonNew{Name: "eve", Password: goodPassword}))(t)
	for _, r := range []api.Rule{{Verbs: []api.Verb{api.VerbView}}, {Verbs: []api.Verb{api.VerbAssign}}, {Verbs: []api.Verb{api.VerbAct}, Hosts: "group:kiosk"}} {
		r.Who = "person:eve"
		must(p.AddRule(t.Context(), r))(t)
	}
	eve := w.as(must(w.dial().LoginPassword(t.Context(), api.PasswordLogin{Name: "eve", Password: goodPassword}))(t))
	must(eve.EditHost(t.Context(), hosts[1].ID, api.HostEdit{AddGroups: []string{"paint"}}))(t)
	_, err := eve.EditHost(t.Context(), hosts[1].ID, api.HostEdit{AddGroups: []string{"kiosk"}})
	wantKind(t, err, muster.Denied)
	if !strings.Contains(err.Error(), `has no right to "act" there`) {
		t.Error(err)
	}
	_, err = eve.PutGroup(t.Context(), api.Group{Name: "kiosk", Members: []string{hosts[0].ID, hosts[1].ID}})
	wantKind(t, err, muster.Denied)
	must(p.EditHost(t.Context(), hosts[1].ID, api.HostEdit{AddGroups: []string{"kiosk"}}))(t)

	post, a := w.order(action.Reboot, []string{hosts[1].ID}, nil)
	must(eve.SendAction(t.Context(), post))(t)
	page := must(p.Audit(t.Context(), api.AuditQuery{Target: a.ID}))(t)
	if len(page.Entries) != 1 || page.Entries[0].Digest != action.Sum(post.Message) || page.Entries[0].Outcome != api.AuditDone {
		t.Errorf("%+v", page.Entries)
	}
}
