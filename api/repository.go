package api

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"muster"
)

// RepositoryFile returns at most max bytes of a file of the server's repository, from
// an offset on. Nobody has vouched for them.
func (c *Client) RepositoryFile(ctx context.Context, name string, offset, max int64) (data []byte, err error) {
	if offset < 0 || max < 1 || max > maxAnswer {
		return nil, muster.Errorf(muster.Invalid, "cannot ask for %d bytes of %q", max, name)
	}
	r := request{method: http.MethodGet, path: RouteRepo + name,
		authorize: func(r *http.Request, _ []byte) error {
			r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+max-1)) // RFC 9110 14.2
			return nil
		},
		read: func(h http.Header, body io.Reader) (err error) {
			if h.Get("Content-Range") == "" { // a proxy may not know of ranges
				if _, err := io.CopyN(io.Discard, body, offset); err != nil {
					return err
				}
			}
			data, err = io.ReadAll(io.LimitReader(body, max))
			return err
		}}
	err = c.do(ctx, r, nil)
	return data, err
}
