package reporter

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/inventory"
	"muster/sitereport"
)

// A sender posts reports to a collector.
type sender struct {
	client *http.Client
	url    *url.URL
	mode   sitereport.Mode
}

// An outcome is what became of one attempt to send a report.
type outcome struct {
	status string // "sent", "kept" there, "known" there already
	found  []sitereport.Found
}

// A laterError is that a report may be taken later.
type laterError struct {
	error
	all   bool          // nothing is taken now, not just this report
	after time.Duration // not before; 0: nothing was said
}

func (e *laterError) Unwrap() error { return e.error }

// A knownError is that the collector has this report, or a newer one of the host.
type knownError struct{ error }

func (e *knownError) Unwrap() error { return e.error }

const (
	maxRedirects  = 5
	maxErrorText  = 4096
	maxRetryAfter = 24 * time.Hour
)

func newSender(o *options) (*sender, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone() // with the proxies of the environment
	transport.DisableKeepAlives = true
	if o.ca != "" {
		pem, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, muster.WithHint(fmt.Errorf("cannot read authorities: %w", err), "--ca names a file in PEM")
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, muster.Errorf(muster.Invalid, "%q has no certificate", o.ca)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	to := *o.url
	to.RawQuery = url.Values{"mode": {string(o.mode)}}.Encode()
	client := &http.Client{
		Transport: transport, Timeout: o.timeout,
		// The client would make a GET of a POST that is led elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &sender{client, &to, o.mode}, nil
}

// send posts a report once, wherever the collector leads.
func (s *sender) send(ctx context.Context, body []byte) (outcome, error) {
	to := s.url
	for range maxRedirects + 1 {
		answer, err := s.post(ctx, to, body)
		if err != nil {
			return outcome{}, &laterError{error: muster.WithKind(muster.Unavailable, fmt.Errorf("cannot reach the collector: %w", err)), all: true}
		}
		next, err := redirect(to, answer)
		if err != nil {
			answer.Body.Close()
			return outcome{}, err
		}
		if next == nil {
			out, err := read(answer)
			answer.Body.Close()
			return out, err
		}
		answer.Body.Close()
		to = next
	}
	return outcome{}, muster.Errorf(muster.Unavailable, "the collector leads elsewhere more than %d times", maxRedirects)
}

func (s *sender) post(ctx context.Context, to *url.URL, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType(body))
	req.Header.Set("User-Agent", "muster-report/"+Version)
	req.Header.Set("Accept", "text/plain")
	return s.client.Do(req)
}

// contentType is that of what was sealed, or only compressed.
func contentType(body []byte) string {
	if bytes.HasPrefix(body, []byte{0x30}) {
		return "application/pkcs7-mime"
	}
	return "application/gzip"
}

// redirect returns where an answer leads; nil where it is the answer. Nobody is
// led from a connection that is secure to one that is not.
func redirect(from *url.URL, answer *http.Response) (*url.URL, error) {
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	to, err := from.Parse(answer.Header.Get("Location"))
	if err != nil || answer.Header.Get("Location") == "" || to.Host == "" || to.Scheme != "https" && to.Scheme != "http" {
		return nil, muster.Errorf(muster.Unavailable, "the collector leads nowhere: %q", plain(answer.Header.Get("Location")))
	}
	if from.Scheme == "https" && to.Scheme != "https" {
		return nil, muster.Errorf(muster.Denied, "the collector leads from https to %q", to.Redacted())
	}
	if to.RawQuery == "" {
		to.RawQuery = from.RawQuery
	}
	return to, nil
}

// read says what an answer means.
func read(answer *http.Response) (outcome, error) {
	switch answer.StatusCode {
	case http.StatusOK, http.StatusAccepted:
		return readTaken(answer)
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxErrorText)) // what was read of it is shown
	said := fmt.Errorf("the collector answers %s: %s", answer.Status, plain(strings.TrimPrefix(string(text), "ERROR")))
	switch answer.StatusCode {
	case http.StatusConflict:
		return outcome{}, &knownError{muster.WithKind(muster.Conflict, said)}
	case http.StatusInternalServerError:
		return outcome{}, &laterError{error: muster.WithKind(muster.Unavailable, said)}
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout, http.StatusProxyAuthRequired:
		return outcome{}, &laterError{muster.WithKind(muster.Unavailable, said), true, retryAfter(answer.Header.Get("Retry-After"))}
	case http.StatusUnauthorized, http.StatusForbidden:
		return outcome{}, muster.WithHint(muster.WithKind(muster.Denied, said),
			"the operators of the collector give out the key of a site: --secret-file FILE; --site has to be that of the key, or be left out")
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusSeeOther:
		return outcome{}, muster.WithHint(muster.WithKind(muster.Invalid, said),
			"--collector is the address of a server that takes reports, as https://collector.example.org")
	}
	return outcome{}, muster.WithKind(muster.Invalid, said)
}

func readTaken(answer *http.Response) (outcome, error) {
	data, err := io.ReadAll(io.LimitReader(answer.Body, sitereport.MaxAnswer+1))
	if err != nil {
		// Whether it was taken is not known; sent again it is taken once.
		return outcome{}, &laterError{error: muster.WithKind(muster.Unavailable, fmt.Errorf("the answer of the collector broke off: %w", err)), all: true}
	}
	found, kept, err := sitereport.ParseAnswer(data)
	if err != nil {
		// A portal or a proxy that knows better: the report is not lost by it.
		return outcome{}, &laterError{error: muster.WithKind(muster.Unavailable, err), all: true}
	}
	if kept {
		return outcome{status: "kept"}, nil
	}
	return outcome{status: "sent", found: found}, nil
}

// retryAfter reads seconds; a date is as good as nothing, since reporters wait by
// themselves.
func retryAfter(s string) time.Duration {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxRetryAfter)
}

// plain is what a terminal may be given of what a collector says.
func plain(s string) string { return inventory.Text(s) }

// isLater reports whether err may be over later.
func isLater(err error) (*laterError, bool) {
	var l *laterError
	ok := errors.As(err, &l)
	return l, ok
}
