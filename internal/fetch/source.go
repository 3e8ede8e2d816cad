package fetch

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	"muster"
)

// A source opens what lies below one base.
//
// Open fails with an error of kind muster.NotFound, Denied or Unavailable that
// names the URL. The answer may begin at 0 though another offset was asked for.
type source interface {
	open(ctx context.Context, r request) (*answer, error)
}

// A request is for one name, from an offset on.
type request struct {
	name   string
	offset int64
	// ifRange is the validator without which an offset is worth nothing.
	ifRange string
	// have is what the caller holds: the answer may be that it is still right.
	have Validators
	// elsewhere allows redirects to other hosts. It is for content that is
	// known by its hash.
	elsewhere bool
}

// An answer is content from an offset on, or the word that nothing changed.
type answer struct {
	io.ReadCloser
	url         string
	offset      int64 // of the first byte
	total       int64 // bytes of the whole, -1 where it is not known
	validators  Validators
	notModified bool
}

// Validators are what a server said to recognise one state of a file by.
type Validators struct {
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
}

// strong is what may stand in If-Range (RFC 9110, 13.1.5), or "".
func (v Validators) strong() string {
	if v.ETag != "" && !strings.HasPrefix(v.ETag, "W/") {
		return v.ETag
	}
	return ""
}

// source makes the source of base.
func (c *Client) source(base string) (source, error) {
	if filepath.IsAbs(base) {
		return folder{base}, nil
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "%.200q is not a URL of a repository", base)
	}
	switch u.Scheme {
	case "file":
		return fileURL(u)
	case "http", "https":
		if u.User != nil {
			return nil, muster.WithHint(muster.Errorf(muster.Invalid, "the URL of the repository on %q holds credentials", u.Host),
				"give user and password as options of the repository, where they do not get into logs")
		}
		if u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, muster.Errorf(muster.Invalid, "%.200q is not a URL such as https://host/path", base)
		}
		return &web{c, u}, nil
	}
	return nil, muster.Errorf(muster.Invalid, "%.200q is not a URL of a repository: write https://host/path, file:///path or an absolute path", base)
}

// CheckBase reports why base is not where a repository can be, or nil.
func CheckBase(base string) error {
	_, err := new(Client).source(base)
	return err
}

// checkName keeps names below their base, on every system.
func checkName(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\:\x00") {
		return muster.Errorf(muster.Invalid, "%.200q is not the name of a file of a repository", name)
	}
	return nil
}

// wrong is an error about one URL.
func wrong(kind muster.ErrorKind, url, format string, args ...any) error {
	return muster.WithKind(kind, fmt.Errorf("cannot fetch %q: %w", url, fmt.Errorf(format, args...)))
}
