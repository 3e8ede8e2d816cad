package console

import (
	"strconv"
	"strings"

	"muster"
	"muster/api"
)

// A siteKeyRow is a key of a site.
type siteKeyRow struct {
	api.SiteKey
	Badge badge
}

func (p *sitePage) record(v *visit) error {
	for _, k := range p.SiteDetail.Keys {
		row := siteKeyRow{k, badge{"ok", "valid"}}
		if k.Expires > 0 && k.Expires <= v.Now().Unix() {
			row.Badge = badge{"off", "expired"}
		}
		p.Keys = append(p.Keys, row)
	}
	return nil
}

// daysOf is a time of the record in days; "" is 0.
func daysOf(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return strconv.FormatInt(seconds/(24*60*60), 10)
}

// ForgetDays, PastDays and Limit are for the form.
func (p *sitePage) ForgetDays() string { return daysOf(p.Forget) }
func (p *sitePage) PastDays() string   { return daysOf(p.Past) }
func (p *sitePage) Limit(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// Networks are those of which reports are taken without a proof, as a field has them.
func (p *sitePage) Networks() string { return strings.Join(p.Addresses, " ") }

// changeSite does what one of the forms of the page asks for.
func changeSite(v *visit) (string, error) {
	name, form := v.PathValue("site"), v.PostForm
	to := v.link(place("sites", name), "tab", "record")
	switch form.Get("do") {
	case "record":
		in, err := v.siteRecord()
		if err != nil {
			return "", err
		}
		_, err = v.api.PutSite(v.ctx(), name, in)
		v.flash(v.t("Changed"))
		return to, err
	case "key":
		return v.addSiteKey(name)
	case "remove":
		if form.Get("confirm") != name {
			return "", fieldError{"confirm", muster.Errorf(muster.Invalid, "type %s to confirm", name)}
		}
		if err := v.api.RemoveSite(v.ctx(), name); err != nil {
			return "", err
		}
		v.flash(v.t("The site is gone, and its hosts are refused; what was known of them is deleted"))
		return v.link("/sites"), nil
	case "revoke":
		v.flash(v.t("The key has ended: who reports with it is refused from now on"))
		return to, v.api.RemoveSiteKey(v.ctx(), name, form.Get("key"))
	}
	return "", muster.Errorf(muster.Invalid, "it is not said what to do")
}

// siteRecord is what the form says.
func (v *visit) siteRecord() (in api.SitePut, err error) {
	form := v.PostForm
	in = api.SitePut{Note: strings.TrimSpace(form.Get("note")), Open: form.Get("open") != "", Addresses: listed(form.Get("addresses"))}
	for _, f := range []struct {
		name string
		to   *int64
		each int64
	}{{"forget", &in.Forget, 24 * 60 * 60}, {"past", &in.Past, 24 * 60 * 60}, {"hosts", &in.Quota.Hosts, 1}, {"reports", &in.Quota.Reports, 1},
		{"bytes", &in.Quota.Bytes, 1}, {"packages", &in.Quota.Packages, 1}} {
		text := strings.TrimSpace(form.Get(f.name))
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > 1<<50 {
			return in, fieldError{f.name, muster.Errorf(muster.Invalid, "%.20q is no number, or too large", text)}
		}
		*f.to = n * f.each
	}
	return in, nil
}

// addSiteKey makes a key, whose line is shown this once, or takes in a certificate.
func (v *visit) addSiteKey(site string) (string, error) {
	in := api.NewSiteKey{Note: strings.TrimSpace(v.PostForm.Get("keynote")), Certificate: strings.TrimSpace(v.PostForm.Get("certificate"))}
	var err error
	if in.Expires, err = day("until", v.PostForm.Get("until"), true); err != nil {
		return "", err
	}
	made, err := v.api.AddSiteKey(v.ctx(), site, in)
	if err != nil {
		return "", err
	}
	if made.Line == "" {
		v.flash(v.t("Hosts with a key of that certificate may report"))
		return v.link(place("sites", site), "tab", "record"), nil
	}
	address := v.Client.Base()
	if v.Session == "" {
		address = v.outside()
	}
	v.once = &once{Title: v.t("The key of %s: a line for the file that its hosts name by --secret-file.", api.Legible(site)), Secret: made.Line,
		Commands: []string{strings.TrimPrefix(command("muster-report", "--collector", address, "--cert", "collector.crt", "--site", site, "--secret-file", "site.key"), "muster ")}}
	return "", nil
}
