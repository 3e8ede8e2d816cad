package glpisync

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"muster"
)

// tokens are where access tokens come from (RFC 6749, 4.4), and the one that is good.
type tokens struct {
	at   string
	have string
	ends time.Time
}

func (t *tokens) forget() { t.have = "" }

// A grant is what GLPI answers.
type grant struct {
	Token   string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"`
}

const maxGrant = 64 << 10

// parseGrant reads what GLPI answers who asks for a token.
func parseGrant(data []byte) (g grant, err error) {
	err = json.Unmarshal(data, &g)
	// It becomes a header: RFC 6750, 2.1 says of what it is made.
	if err != nil || !strings.EqualFold(g.Type, "Bearer") || g.Token == "" ||
		strings.ContainsFunc(g.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return grant{}, muster.Errorf(muster.Invalid, "GLPI gives no access token that could be used")
	}
	g.Expires = min(max(g.Expires, 0), 24*3600)
	return g, nil
}

// token is one that is good for a while.
func (c *client) token(ctx context.Context) (string, error) {
	if c.tokens.have != "" && c.Now().Before(c.tokens.ends) {
		return c.tokens.have, nil
	}
	g, err := c.askToken(ctx)
	if err != nil {
		return "", err
	}
	c.tokens.have, c.tokens.ends = g.Token, c.Now().Add(time.Duration(g.Expires)*time.Second*9/10)
	return g.Token, nil
}

func (c *client) askToken(ctx context.Context) (g grant, err error) {
	password, err := secret(c.SecretFile)
	if err != nil {
		return g, &refusal{err: err}
	}
	data, err := json.Marshal(map[string]string{"grant_type": "client_credentials", "client_id": c.ClientID, "client_secret": password, "scope": "inventory"})
	if err != nil {
		return g, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.tokens.at, bytes.NewReader(data))
	if err != nil {
		return g, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "muster_v"+c.Version)
	resp, err := c.http.Do(r)
	if err != nil {
		return g, away(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		err := muster.Errorf(muster.Denied, "GLPI gives no access token: %s", resp.Status)
		return g, &refusal{wait: retryAfter(resp), err: muster.WithHint(err, "look at 'glpi.client-id', and in GLPI at Setup > OAuth Clients: grant client credentials, scope inventory")}
	}
	if data, err = io.ReadAll(io.LimitReader(resp.Body, maxGrant)); err != nil {
		return g, &refusal{err: muster.Errorf(muster.Unavailable, "GLPI's access token broke off: %w", err)}
	}
	if g, err = parseGrant(data); err != nil {
		return g, &refusal{err: err}
	}
	return g, nil
}
