package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"muster"
)

// Health is what a server looked at to say whether it can do its work.
type Health struct {
	Checks []HealthCheck `json:"checks"`
}

// A HealthCheck is one thing that a server needs.
type HealthCheck struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Text string `json:"text,omitempty"`
}

// Health asks a server how it is. One that cannot do its work answers too.
func (c *Client) Health(ctx context.Context) (out Health, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.request(ctx, request{method: http.MethodGet, path: RouteHealth})
	if err != nil {
		return out, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return out, unreachable(c.base.Host, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return out, muster.WithKind(muster.Unavailable, err)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		return out, failure(resp.StatusCode, 0, data)
	}
	return out, muster.WithKind(muster.Invalid, json.Unmarshal(data, &out))
}
