package console

import (
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/api"
)

// A rightsPage lists the rules, and answers what somebody may do, and why.
type rightsPage struct {
	Tabs        []entry
	Rules       []ruleRow
	First, Next string
	Verbs       []verbChoice
	Today       string

	// Of the question.
	Person, Host string
	Verb         api.Verb
	Asked        bool
	Answer       api.RightsPage
	May          bool
	Why          []ruleRow
	Wrong        *problem
}

// A ruleRow is a rule as people read it.
type ruleRow struct {
	api.Rule
	Ended bool
}

// A verbChoice is a verb that a rule may give.
type verbChoice struct {
	api.Verb
	What   string
	Chosen bool
}

// verbWords say what verbs are for.
var verbWords = map[api.Verb]string{
	api.VerbView: "see hosts, inventories, history and events", api.VerbReport: "exports and reports", api.VerbEdit: "names and units; approve, refuse and forget hosts",
	api.VerbAssign: "packages of hosts, units and groups", api.VerbDeploy: "rollouts", api.VerbAct: "signed actions",
	api.VerbPublish: "packages that run code; remove packages", api.VerbEnrol: "tokens for hosts, approvals before they ask", api.VerbAdminister: "people, rights, webhooks, the audit log",
}

func (v *visit) verbs(chosen []string) (all []verbChoice) {
	for _, verb := range api.Verbs() {
		all = append(all, verbChoice{verb, v.t(verbWords[verb]), slices.Contains(chosen, string(verb))})
	}
	return all
}

func rightsShow(v *visit) (any, error) {
	page, err := v.rules()
	if err != nil {
		return nil, err
	}
	out := &rightsPage{Tabs: v.accessTabs("/rights"), Verbs: v.verbs(v.asked()["verbs"]), Today: v.Now().UTC().Format("2006-01-02"),
		Person: strings.TrimSpace(v.query("person")), Host: strings.TrimSpace(v.query("host")), Verb: api.Verb(v.query("verb"))}
	for _, r := range page.Rules {
		out.Rules = append(out.Rules, v.ruleRow(r))
	}
	out.First, out.Next = v.pager("/rights", page.Next)
	if out.Person != "" {
		return out, out.ask(v)
	}
	return out, nil
}

// rules is the page of them that the URL names, by a cursor or by a rule that is on it.
func (v *visit) rules() (page api.RulePage, err error) {
	q := v.list()
	if rule := v.query("rule"); rule != "" && q.Cursor == "" {
		all, err := v.api.Rules(v.ctx())
		if err != nil {
			return page, err
		}
		at := slices.IndexFunc(all.Rules, func(r api.Rule) bool { return strconv.FormatInt(r.ID, 10) == rule })
		if before := at - at%perList; before > 0 {
			q.Cursor = strconv.FormatInt(all.Rules[before-1].ID, 10)
		}
	}
	return v.api.FindRules(v.ctx(), q)
}

func (v *visit) ruleRow(r api.Rule) ruleRow {
	return ruleRow{r, r.Expires > 0 && r.Expires <= v.Now().Unix()}
}

// ask answers whether somebody may, and by which rules.
func (p *rightsPage) ask(v *visit) error {
	answer, err := v.api.TestRights(v.ctx(), p.Person, p.Verb, p.Host)
	if err != nil {
		p.Wrong = problemOf(err)
		return nil
	}
	p.Asked, p.Answer, p.May = true, answer, len(answer.May) > 0
	rules, err := v.api.Rules(v.ctx())
	for _, r := range rules.Rules {
		if slices.ContainsFunc(answer.May, func(right api.Right) bool { return slices.Contains(right.Rules, r.ID) }) {
			p.Why = append(p.Why, v.ruleRow(r))
		}
	}
	return err
}

// changeRights adds a rule, or takes one away.
func changeRights(v *visit) (string, error) {
	form := v.PostForm
	if form.Get("do") == "remove" {
		id, err := strconv.ParseInt(form.Get("id"), 10, 64)
		if err != nil {
			return "", muster.Errorf(muster.Invalid, "%.30q is no number of a rule", form.Get("id"))
		}
		if err := v.api.RemoveRule(v.ctx(), id); err != nil {
			return "", err
		}
		v.flash(v.t("Removed"))
		return v.link("/rights"), nil
	}
	r := api.Rule{Who: strings.TrimSpace(form.Get("who")), Hosts: strings.TrimSpace(form.Get("hosts")), Note: strings.TrimSpace(form.Get("note"))}
	for _, verb := range form["verbs"] {
		r.Verbs = append(r.Verbs, api.Verb(verb))
	}
	if len(r.Verbs) == 0 {
		return "", fieldError{"verbs", muster.Errorf(muster.Invalid, "it is not said what is allowed")}
	}
	var err error
	if r.Expires, err = day("until", form.Get("until"), true); err != nil {
		return "", err
	}
	added, err := v.api.AddRule(v.ctx(), r)
	if err != nil {
		return "", err
	}
	v.flash(v.t("Rule %s", strconv.FormatInt(added.ID, 10)))
	id := strconv.FormatInt(added.ID, 10)
	return v.link("/rights", "rule", id) + "#rule-" + id, nil
}
