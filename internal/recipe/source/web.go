package source

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"time"

	"muster"
)

// patience is how long a server may take to answer at all.
const patience = time.Minute

// web gets a file by HTTP. The sha256 is what is trusted, not the server.
func (f *Fetcher) web(ctx context.Context, r request) (string, []Fetched, error) {
	h, err := named(r.source)
	if err != nil {
		return "", nil, err
	}
	if r.sum == "" {
		err := muster.Errorf(muster.Invalid, "nothing says what the file must be")
		return "", nil, muster.WithHint(err, "give its checksum: fetch(%q, sha256 = \"...\")", r.source)
	}
	h.SHA256 = r.sum
	if info, err := os.Stat(f.blob(r.sum)); err == nil {
		if to, err := f.take(h, r.dir); err == nil {
			h.Size = info.Size()
			return to, []Fetched{h.fetched(true)}, nil
		}
	}
	if f.Offline {
		return "", nil, f.offline(h.Name)
	}
	if h, err = f.download(ctx, r, h); err != nil {
		return "", nil, err
	}
	to, err := f.take(h, r.dir)
	return to, []Fetched{h.fetched(false)}, err
}

// named is the file that an address leads to: what everyone may read does not
// tell a password.
func named(address string) (held, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return held{}, muster.Errorf(muster.Invalid, "not a URL")
	}
	name := path.Base(u.Path)
	if name == "." || name == "/" {
		name = "download"
	}
	u.User = nil
	return held{Name: name, URL: u.String()}, nil
}

// download puts the file into the cache, if it is the one wanted.
func (f *Fetcher) download(ctx context.Context, r request, h held) (held, error) {
	tmp, err := f.scratch()
	if err != nil {
		return h, err
	}
	defer os.RemoveAll(tmp)
	file := filepath.Join(tmp, "file")
	f.logf("fetching %s", h.URL)
	if err := get(ctx, r.source, file); err != nil {
		return h, err
	}
	sum, _, err := sumFile(file)
	if err != nil {
		return h, err
	}
	if r.sum != "" && sum != r.sum {
		return h, wrong(h.Name, r.sum, sum)
	}
	return f.put(file, h.Name, h.URL)
}

// believe gets a file whatever it is.
func (f *Fetcher) believe(ctx context.Context, address, dir string) (string, Fetched, error) {
	h, err := named(address)
	if err != nil {
		return "", Fetched{}, err
	}
	if h, err = f.download(ctx, request{source: address}, h); err != nil {
		return "", Fetched{}, err
	}
	to, err := f.take(h, dir)
	return to, h.fetched(false), err
}

func get(ctx context.Context, address, file string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = patience
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		return muster.Errorf(muster.NotFound, "the server answered %q", resp.Status)
	case resp.StatusCode != http.StatusOK:
		return muster.Errorf(muster.Unavailable, "the server answered %q", resp.Status)
	case resp.ContentLength > MaxFile:
		return muster.Errorf(muster.Invalid, "%d bytes, more than %d", resp.ContentLength, int64(MaxFile))
	}
	body := &io.LimitedReader{R: resp.Body, N: MaxFile + 1}
	if err := writeFile(file, body, 0o644); err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	if body.N == 0 {
		return muster.Errorf(muster.Invalid, "more than %d bytes", int64(MaxFile))
	}
	return nil
}
