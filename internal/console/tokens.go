package console

import (
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/api"
)

// A once is a secret that one page shows, and none after it.
type once struct {
	Title, Secret string
	Commands      []string
}

// A tokensPage lists the tokens by which hosts come, and hosts that may come without.
type tokensPage struct {
	Tabs      []entry
	Tokens    []tokenRow
	Approvals []api.Approval
}

// A tokenRow is a token.
type tokenRow struct {
	api.Token
	Badge badge
}

func tokenList(v *visit) (any, error) {
	page, err := v.api.Tokens(v.ctx())
	if err != nil {
		return nil, err
	}
	out := &tokensPage{Tabs: v.accessTabs("/tokens")}
	for _, t := range page.Tokens {
		row := tokenRow{t, badge{"ok", "valid"}}
		if t.Uses == 0 {
			row.Badge = badge{"off", "used up"}
		}
		if t.Expires > 0 && t.Expires <= v.Now().Unix() {
			row.Badge = badge{"off", "expired"}
		}
		out.Tokens = append(out.Tokens, row)
	}
	approvals, err := v.api.Approvals(v.ctx())
	out.Approvals = approvals.Approvals
	return out, err
}

// words of a field, apart by blanks or commas.
func listed(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\r' })
}

// changeTokens makes or ends a token, or lets a host in before it asks.
func changeTokens(v *visit) (string, error) {
	form := v.PostForm
	field := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	switch form.Get("do") {
	case "revoke":
		if err := v.api.RevokeToken(v.ctx(), form.Get("id")); err != nil {
			return "", err
		}
		v.flash(v.t("The token has ended"))
		return v.link("/tokens"), nil
	case "approve":
		a := api.Approval{Key: field("key"), FQDN: field("fqdn"), Serial: field("serial"), Groups: listed(form.Get("groups")), Unit: field("unit")}
		if err := v.api.Approve(v.ctx(), a); err != nil {
			return "", err
		}
		v.flash(v.t("It is let in when it comes"))
		return v.link("/tokens"), nil
	}
	return v.createToken(field)
}

func (v *visit) createToken(field func(string) string) (string, error) {
	in := api.TokenRequest{Note: field("note"), Uses: -1, Groups: listed(field("groups")), Unit: field("unit"), From: listed(field("from"))}
	var err error
	if text := field("uses"); text != "" {
		if in.Uses, err = strconv.Atoi(text); err != nil || in.Uses < 1 {
			return "", fieldError{"uses", muster.Errorf(muster.Invalid, "%.20q is no number of hosts", text)}
		}
	}
	if in.Expires, err = day("until", field("until"), true); err != nil {
		return "", err
	}
	t, err := v.api.CreateToken(v.ctx(), in)
	if err != nil {
		return "", err
	}
	address := v.Client.Base()
	if v.Session == "" {
		address = v.outside()
	}
	v.once = &once{Title: v.t("The token of %s.", t.Note), Secret: t.Secret, Commands: []string{command("join", address, "--token", t.Secret)}}
	return "", nil
}

// An apiTokensPage lists tokens of programs.
type apiTokensPage struct {
	Tabs     []entry
	Tokens   []api.APIToken
	Verbs    []verbChoice
	All      bool // of everybody
	Password bool // is needed to make one
	Program  bool // who looks is one
}

func apiTokenList(v *visit) (any, error) {
	out := &apiTokensPage{Tabs: v.accessTabs("/apitokens"), Verbs: v.verbs(v.asked()["verbs"]), All: v.query("all") != "" && v.mayAll(api.VerbAdminister),
		Password: v.self.Way == "password", Program: v.self.Way == "token"}
	page, err := v.api.APITokens(v.ctx(), out.All)
	out.Tokens = page.Tokens
	return out, err
}

// changeAPITokens makes or ends a token of a program.
func changeAPITokens(v *visit) (string, error) {
	form, password := v.PostForm, v.PostForm.Get("password")
	if form.Get("do") == "revoke" {
		if err := v.api.RevokeAPIToken(v.ctx(), form.Get("id")); err != nil {
			return "", err
		}
		v.flash(v.t("The token has ended"))
		return v.link("/apitokens", "all", v.query("all")), nil
	}
	in := api.APITokenNew{Hosts: strings.TrimSpace(form.Get("hosts")), Note: strings.TrimSpace(form.Get("note")), Password: password}
	for _, verb := range form["verbs"] {
		in.Verbs = append(in.Verbs, api.Verb(verb))
	}
	if len(in.Verbs) == 0 {
		return "", fieldError{"verbs", muster.Errorf(muster.Invalid, "it is not said what the program may do")}
	}
	days, err := strconv.Atoi(form.Get("days"))
	if err != nil || days < 1 || days > 365 {
		return "", fieldError{"days", muster.Errorf(muster.Invalid, "a token lasts 1 to 365 days")}
	}
	in.Expires = v.Now().Add(time.Duration(days) * 24 * time.Hour).Unix()
	t, err := v.api.CreateAPIToken(v.ctx(), in)
	if err != nil {
		return "", err
	}
	v.once = &once{Title: v.t("The token of %s.", t.Note), Secret: t.Secret}
	return "", nil
}
