package console

import (
	"strconv"
	"strings"

	"muster"
	"muster/api"
	"muster/internal/report"
)

// A mailPage lists reports by mail, and has one more sent.
type mailPage struct {
	Rows  []mailRow
	Kinds []reportKind
	Every []string
	Days  []int
	Hours []int
}

// A mailRow is a report by mail with how it is.
type mailRow struct {
	api.ReportSchedule
	Title string
	Badge badge
}

func mailShow(v *visit) (any, error) {
	page, err := v.api.ReportSchedules(v.ctx())
	if err != nil {
		return nil, err
	}
	out := &mailPage{Every: everyWords}
	for n := range 28 {
		out.Days = append(out.Days, n+1)
	}
	for n := range 24 {
		out.Hours = append(out.Hours, n)
	}
	titles := map[string]string{}
	for _, k := range report.ByMail() {
		titles[k.Name] = v.t(k.Title)
		out.Kinds = append(out.Kinds, reportKind{Kind: k, Title: v.t(k.Title), Here: k.Name == v.asked().Get("kind")})
	}
	for _, s := range page.Schedules {
		row := mailRow{s, titles[s.Report], badge{"ok", "OK"}}
		if s.Failing > 0 {
			row.Badge = badge{"warning", "fails"}
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}

// changeMail has a report sent, or ends that.
func changeMail(v *visit) (string, error) {
	form := v.PostForm
	if form.Get("do") == "end" {
		if err := v.api.UnscheduleReport(v.ctx(), form.Get("id")); err != nil {
			return "", err
		}
		v.flash(v.t("It is sent no more"))
		return v.link("/reports/mail"), nil
	}
	in := api.ReportScheduleNew{Report: form.Get("kind"), Title: strings.TrimSpace(form.Get("title")), Query: strings.TrimSpace(form.Get("q")), Software: strings.TrimSpace(form.Get("software")), Site: strings.TrimSpace(form.Get("site")),
		Format: form.Get("format"), Every: form.Get("every"), To: listed(form.Get("to"))}
	for name, to := range map[string]*int{"days": &in.Days, "day": &in.Day, "hour": &in.Hour} {
		text := form.Get(name)
		if text == "" {
			continue
		}
		var err error
		if *to, err = strconv.Atoi(text); err != nil {
			return "", fieldError{name, muster.Errorf(muster.Invalid, "%s: %.20q is no number", name, text)}
		}
	}
	s, err := v.api.ScheduleReport(v.ctx(), in)
	if err != nil {
		return "", err
	}
	v.flash(v.t("The first one is sent at %s UTC", v.words().when(seconds(s.Next))))
	return v.link("/reports/mail"), nil
}

// everyWords are how often reports come: api.Daily and the like, which pages translate.
var everyWords = []string{"daily", "weekly", "monthly", "hourly"}
