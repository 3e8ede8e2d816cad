package console

import (
	"strconv"
	"strings"

	"muster"
	"muster/api"
)

// A webhooksPage lists the webhooks.
type webhooksPage struct {
	Tabs []entry
	Rows []webhookRow
}

// A webhookRow is a webhook with how it is.
type webhookRow struct {
	api.Webhook
	Badge badge
}

func webhookRowOf(w api.Webhook) webhookRow {
	row := webhookRow{w, badge{"ok", "OK"}}
	if w.Failing > 0 {
		row.Badge = badge{"warning", "fails"}
	}
	if w.Disabled > 0 {
		row.Badge = badge{"off", "disabled"}
	}
	return row
}

func webhookList(v *visit) (any, error) {
	page, err := v.api.Webhooks(v.ctx())
	out := &webhooksPage{Tabs: v.accessTabs("/webhooks")}
	for _, w := range page.Webhooks {
		out.Rows = append(out.Rows, webhookRowOf(w))
	}
	return out, err
}

func addWebhook(v *visit) (string, error) {
	form := v.PostForm
	w, err := v.api.AddWebhook(v.ctx(), api.WebhookNew{URL: strings.TrimSpace(form.Get("url")), Note: strings.TrimSpace(form.Get("note")),
		Kinds: listed(form.Get("kinds")), Hosts: strings.TrimSpace(form.Get("hosts"))})
	if err != nil {
		return "", err
	}
	v.once = &once{Title: v.t("The secret that signs what is sent to %s.", w.URL), Secret: w.Secret}
	return "", nil
}

// A webhookPage is one webhook with the newest attempts.
type webhookPage struct {
	webhookRow
	Deliveries []api.Delivery
}

func webhookShow(v *visit) (any, error) {
	page, err := v.api.Webhooks(v.ctx())
	if err != nil {
		return nil, err
	}
	for _, w := range page.Webhooks {
		if w.ID == v.PathValue("id") {
			v.title = w.URL
			deliveries, err := v.api.Deliveries(v.ctx(), w.ID)
			return &webhookPage{webhookRowOf(w), deliveries.Deliveries}, err
		}
	}
	return nil, muster.Errorf(muster.NotFound, "there is no such webhook")
}

// changeWebhook tests, enables, disables or removes a webhook.
func changeWebhook(v *visit) (string, error) {
	id, here, yes, no := v.PathValue("id"), v.link("/webhooks/"+v.PathValue("id")), true, false
	switch v.PostForm.Get("do") {
	case "test":
		d, err := v.api.TestWebhook(v.ctx(), id)
		if err != nil {
			return "", err
		}
		if d.Error != "" {
			return "", muster.Errorf(muster.Unavailable, "the test failed: %s", d.Error)
		}
		v.flash(v.t("It answered %s within %s ms", strconv.Itoa(d.Status), strconv.FormatInt(d.Took, 10)))
		return here, nil
	case "enable", "skip":
		_, err := v.api.EditWebhook(v.ctx(), id, api.WebhookEdit{Enabled: &yes, Skip: v.PostForm.Get("do") == "skip"})
		return here, err
	case "disable":
		_, err := v.api.EditWebhook(v.ctx(), id, api.WebhookEdit{Enabled: &no})
		return here, err
	case "remove":
		if err := v.api.RemoveWebhook(v.ctx(), id); err != nil {
			return "", err
		}
		v.flash(v.t("Removed"))
		return v.link("/webhooks"), nil
	}
	return "", muster.Errorf(muster.Invalid, "it is not said what to do")
}
