package console

import (
	"muster"
	"muster/api"
)

// A settingsPage says who looks, and how the server is.
type settingsPage struct {
	Self       api.Self
	Sessions   []api.SessionInfo
	Server     api.Server
	Address    string
	Clock      int64 // seconds that the server is ahead of this console
	Checks     []checkRow
	Repository *api.Repository
	Head       badge
	Languages  []string
	Lang       string
	Signer     string
}

// A checkRow is one thing that the server needs.
type checkRow struct {
	Name, Text string
	Badge      badge
}

func settingsShow(v *visit) (any, error) {
	out := &settingsPage{Self: v.self, Languages: languages(), Lang: v.lang, Address: v.Client.Base()}
	if v.Session == "" {
		out.Address = v.outside()
	}
	if v.Signer != nil {
		out.Signer = v.Signer.Name()
	}
	sessions, err := v.api.Sessions(v.ctx())
	if err != nil {
		return nil, err
	}
	out.Sessions = sessions.Sessions
	if out.Server, err = v.Client.Who(v.ctx()); err != nil {
		return nil, err
	}
	out.Clock = out.Server.Time - v.Now().Unix()
	if err := out.health(v); err != nil {
		return nil, err
	}
	return out, out.repository(v)
}

func (p *settingsPage) health(v *visit) error {
	h, err := v.Client.Health(v.ctx())
	for _, c := range h.Checks {
		row := checkRow{c.Name, c.Text, badge{"ok", "OK"}}
		if !c.OK {
			row.Badge = badge{"error", "error"}
		}
		p.Checks = append(p.Checks, row)
	}
	return err
}

func (p *settingsPage) repository(v *visit) error {
	r, err := v.api.Repository(v.ctx())
	if err != nil {
		return unlessDenied(err)
	}
	p.Repository, p.Head = &r, badge{"ok", "OK"}
	if now := v.Now(); r.Expires > 0 && seconds(r.Expires).Before(now) {
		p.Head = badge{"error", "expired"}
	}
	return nil
}

// changeSettings changes the password of whoever looks, or ends one of their sessions.
func changeSettings(v *visit) (string, error) {
	switch v.PostForm.Get("do") {
	case "end":
		return v.link("/settings"), v.endSession(v.PostForm.Get("id"))
	case "password":
		old, fresh, again := v.PostForm.Get("old"), v.PostForm.Get("password"), v.PostForm.Get("again")
		if fresh != again {
			return "", errPasswords
		}
		changed, err := v.api.ChangePassword(v.ctx(), api.PasswordChange{Old: old, New: fresh, RevokeTokens: v.PostForm.Get("tokens") != ""})
		if err != nil {
			return "", err
		}
		v.flash(v.t("The password is changed, and your other sessions have ended"))
		if n := len(changed.Tokens); n > 0 {
			v.flash(v.words().count(n, "The password is changed; %s token of a program is left", "The password is changed; %s tokens of programs are left"))
		}
		return v.link("/settings"), nil
	}
	return "", muster.Errorf(muster.Invalid, "it is not said what to do")
}
