package fetch

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"muster"
)

// maxRedirects bounds the redirects of one request.
const maxRedirects = 5

// web is a source on a web server.
type web struct {
	client *Client
	base   *url.URL
}

// url is that of name below the base. A plus sign is escaped: some object
// stores take it for a space.
func (w *web) url(name string) *url.URL {
	u := *w.base
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + name
	u.RawPath = ""
	u.RawPath = strings.ReplaceAll(u.EscapedPath(), "+", "%2B")
	return &u
}

func (w *web) open(ctx context.Context, r request) (*answer, error) {
	if err := checkName(r.name); err != nil {
		return nil, err
	}
	u := w.url(r.name)
	for range maxRedirects + 1 {
		resp, err := w.do(ctx, u, r)
		if err != nil {
			return nil, err
		}
		next, err := w.redirect(resp, r)
		if err != nil {
			resp.Body.Close()
			return nil, err
		}
		if next == nil {
			return w.answer(resp, r)
		}
		resp.Body.Close()
		u = next
	}
	return nil, wrong(muster.Unavailable, u.String(), "more than %d redirects", maxRedirects)
}

// do sends one request. Credentials are looked up anew for each URL.
func (w *web) do(ctx context.Context, u *url.URL, r request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, wrong(muster.Invalid, u.String(), "%w", err)
	}
	req.Header.Set("User-Agent", or(w.client.UserAgent, "muster"))
	if r.offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", r.offset))
		if r.ifRange != "" {
			req.Header.Set("If-Range", r.ifRange)
		}
	}
	if r.have.ETag != "" {
		req.Header.Set("If-None-Match", r.have.ETag)
	} else if r.have.Modified != "" {
		req.Header.Set("If-Modified-Since", r.have.Modified)
	}
	w.client.authorize(req)
	resp, err := w.client.client().Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // the URL is named once
		}
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, wrong(muster.Unavailable, u.String(), "%w", err)
	}
	return resp, nil
}

// redirect returns where resp leads to, nil when it is an answer.
//
// No redirect leads from https to http, nor to another host unless the content
// is known by its hash: a portal in a hotel answers with a redirect to itself.
func (w *web) redirect(resp *http.Response, r request) (*url.URL, error) {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	from := resp.Request.URL
	to, err := resp.Location()
	switch {
	case err != nil:
		return nil, wrong(muster.Unavailable, from.String(), "status %d: %w", resp.StatusCode, err)
	case to.Scheme != "https" && (to.Scheme != "http" || from.Scheme != "http"):
		return nil, wrong(muster.Unavailable, from.String(), "redirect from %s to %s", from.Scheme, to.Scheme)
	case !r.elsewhere && to.Hostname() != w.base.Hostname():
		return nil, wrong(muster.Unavailable, from.String(), "redirect to another host, %q", to.Hostname())
	}
	to.User = nil
	return to, nil
}

// answer turns a response into an answer, or into an error when it is none of
// ours.
func (w *web) answer(resp *http.Response, r request) (*answer, error) {
	a := &answer{ReadCloser: resp.Body, url: resp.Request.URL.String(), total: resp.ContentLength,
		validators: Validators{bounded(resp.Header.Get("ETag")), bounded(resp.Header.Get("Last-Modified"))}}
	err := a.read(resp, r)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return a, nil
}

func (a *answer) read(resp *http.Response, r request) error {
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		var err error
		if a.offset, a.total, err = contentRange(resp.Header.Get("Content-Range")); err != nil || a.offset != r.offset {
			return wrong(muster.Unavailable, a.url, "the server sends another range than was asked for")
		}
	case http.StatusNotModified:
		if r.have == (Validators{}) {
			return wrong(muster.Unavailable, a.url, "the server says that nothing changed, but was not asked")
		}
		a.notModified = true
		return nil
	default:
		return statusError(a.url, resp.StatusCode)
	}
	return ours(a.url, resp.Header)
}

// ours refuses content that no repository sends: a page, such as that of a
// captive portal, or an encoding that was not asked for.
func ours(url string, h http.Header) error {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	if kind == "text/html" || kind == "application/xhtml+xml" {
		return wrong(muster.Unavailable, url, "the answer is a web page: is there a portal to sign in to?")
	}
	if enc := h.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return wrong(muster.Unavailable, url, "the answer is encoded as %.40q", enc)
	}
	return nil
}

func statusError(url string, status int) error {
	text := fmt.Sprintf("the server answers %d %s", status, http.StatusText(status))
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return wrong(muster.NotFound, url, "%s", text)
	case http.StatusUnauthorized, http.StatusForbidden:
		return muster.WithHint(wrong(muster.Denied, url, "%s", text), "check the credentials for this repository")
	}
	return wrong(muster.Unavailable, url, "%s", text)
}

// contentRange reads "bytes first-last/total" (RFC 9110, 14.4).
func contentRange(s string) (first, total int64, err error) {
	spec, ok := strings.CutPrefix(s, "bytes ")
	span, all, ok2 := strings.Cut(spec, "/")
	from, to, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return 0, 0, fmt.Errorf("%.80q is not a range", s)
	}
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	if err := errors.Join(err1, err2); err != nil || first < 0 || last < first {
		return 0, 0, fmt.Errorf("%.80q is not a range", s)
	}
	if all == "*" {
		return first, -1, nil
	}
	if total, err = strconv.ParseInt(all, 10, 64); err != nil || last >= total {
		return 0, 0, fmt.Errorf("%.80q is not a range", s)
	}
	return first, total, nil
}

// bounded drops a validator that is too long to be kept.
func bounded(s string) string {
	if len(s) > 256 {
		return ""
	}
	return s
}
