package fetch

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// A Credential is for one repository.
type Credential struct {
	Base     string // URL: what lies below gets the credential
	User     string // Basic authentication (RFC 7617)
	Password string
	Bearer   string // a token instead (RFC 6750)
}

// authorize adds the credential whose base is the longest that u lies below.
func (c *Client) authorize(req *http.Request) {
	var best *Credential
	for i := range c.Credentials {
		cred := &c.Credentials[i]
		if cred.covers(req.URL) && (best == nil || len(cred.Base) > len(best.Base)) {
			best = cred
		}
	}
	switch {
	case best == nil:
	case best.Bearer != "":
		req.Header.Set("Authorization", "Bearer "+best.Bearer)
	default:
		req.SetBasicAuth(best.User, best.Password)
	}
}

// covers reports whether u lies below the base: same scheme, host and port,
// and the path at a boundary. An upgrade from http to https is another base.
func (c *Credential) covers(u *url.URL) bool {
	base, err := url.Parse(c.Base)
	if err != nil || base.Scheme != u.Scheme || !strings.EqualFold(base.Host, u.Host) {
		return false
	}
	dir := strings.TrimSuffix(base.Path, "/") + "/"
	return strings.HasPrefix(path.Clean("/"+u.Path), dir)
}
