package api

import (
	"context"
	"net/http"
)

// Routes of webhooks. {id} is that of one.
const (
	RouteWebhooks   = "/api/v1/webhooks"                 // GET -> [WebhookPage], POST [WebhookNew] -> [Webhook], person
	RouteWebhook    = "/api/v1/webhooks/{id}"            // PATCH [WebhookEdit] -> [Webhook], DELETE, person
	RouteWebhookTry = "/api/v1/webhooks/{id}/test"       // POST, person: [Delivery]
	RouteDeliveries = "/api/v1/webhooks/{id}/deliveries" // GET, person: [DeliveryPage]
)

// A Webhook has the server POST what happens to another server.
type Webhook struct {
	ID   string `json:"id"`
	URL  string `json:"url"`
	Note string `json:"note,omitempty"`
	// Kinds and Hosts leave out all others: see [FeedQuery], and the language of
	// package search. With Hosts, nothing comes that is not of a host.
	Kinds []string `json:"kinds,omitempty"`
	Hosts string   `json:"hosts,omitempty"`
	// Secret signs what is sent (HMAC-SHA256); only in the answer to its creation.
	Secret  string `json:"secret,omitempty"`
	Created int64  `json:"created"`
	By      string `json:"by,omitempty"`
	// Failing is since when nothing could be delivered, Due when it is tried again, and
	// Disabled since when it is not tried any more, for Reason.
	Failing  int64 `json:"failing,omitempty"`
	Due      int64 `json:"due,omitempty"`
	Disabled int64 `json:"disabled,omitempty"`
	// Delivered is when the newest message arrived; 0: none has, of those that are kept.
	Delivered int64  `json:"delivered,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// WebhookNew makes a webhook. Its fields are those of [Webhook].
type WebhookNew struct {
	URL   string   `json:"url"`
	Note  string   `json:"note,omitempty"`
	Kinds []string `json:"kinds,omitempty"`
	Hosts string   `json:"hosts,omitempty"`
}

// WebhookEdit changes a webhook. Nil is left as it is.
type WebhookEdit struct {
	// Enabled begins anew, or ends it. What happened while it was disabled is sent
	// then, unless Skip is set.
	Enabled *bool `json:"enabled,omitempty"`
	Skip    bool  `json:"skip,omitempty"`
}

// WebhookPage lists webhooks.
type WebhookPage struct {
	Webhooks []Webhook `json:"webhooks"`
}

// A Delivery is one attempt to send a message.
type Delivery struct {
	Time    int64  `json:"time"`
	Message string `json:"message"`          // webhook-id: the same for every attempt
	Try     int    `json:"try"`              // from 1
	Items   int    `json:"items"`            // that the message holds
	Status  int    `json:"status,omitempty"` // that the other server answered
	Error   string `json:"error,omitempty"`
	Took    int64  `json:"took"` // milliseconds
}

// DeliveryPage lists the newest attempts, the newest first.
type DeliveryPage struct {
	Deliveries []Delivery `json:"deliveries"`
}

// A Message is the body of what a webhook sends.
type Message struct {
	Type      string      `json:"type"`      // "muster.changes"; "muster.test" has no items
	Timestamp string      `json:"timestamp"` // RFC 3339
	Data      MessageData `json:"data"`
}

// MessageData is what a [Message] says.
type MessageData struct {
	Server string     `json:"server"` // id
	Items  []FeedItem `json:"items"`
}

// Webhooks lists the webhooks.
func (p *PersonClient) Webhooks(ctx context.Context) (out WebhookPage, err error) {
	err = p.get(ctx, RouteWebhooks, nil, &out)
	return out, err
}

// AddWebhook makes a webhook; only this answer holds its secret.
func (p *PersonClient) AddWebhook(ctx context.Context, w WebhookNew) (out Webhook, err error) {
	err = p.send(ctx, http.MethodPost, RouteWebhooks, w, &out)
	return out, err
}

// EditWebhook enables or disables a webhook.
func (p *PersonClient) EditWebhook(ctx context.Context, id string, e WebhookEdit) (out Webhook, err error) {
	err = p.send(ctx, http.MethodPatch, at(RouteWebhook, id), e, &out)
	return out, err
}

// RemoveWebhook ends a webhook.
func (p *PersonClient) RemoveWebhook(ctx context.Context, id string) error {
	return p.send(ctx, http.MethodDelete, at(RouteWebhook, id), nil, nil)
}

// TestWebhook sends a message without items, and says how that went.
func (p *PersonClient) TestWebhook(ctx context.Context, id string) (out Delivery, err error) {
	err = p.send(ctx, http.MethodPost, at(RouteWebhookTry, id), nil, &out)
	return out, err
}

// Deliveries lists the newest attempts of a webhook.
func (p *PersonClient) Deliveries(ctx context.Context, id string) (out DeliveryPage, err error) {
	err = p.get(ctx, at(RouteDeliveries, id), nil, &out)
	return out, err
}
