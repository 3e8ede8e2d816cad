package httpsig

import (
	"net/http"
	"strings"

	"muster"
)

// maxTarget bounds path and query: what nginx takes in one line.
const maxTarget = 8 << 10

// A source is the request that components are of.
type source struct {
	req    *http.Request
	target string // path and query as they are on the wire
}

// received is the source of a request that a server was sent. RequestURI stays
// as it came, whatever a router does to req.URL.
func received(req *http.Request) (source, error) {
	target := req.RequestURI
	if target == "" { // not of a server
		target = req.URL.RequestURI()
	}
	return source{req, target}, checkTarget(target)
}

// checkTarget refuses what is not the path and query of RFC 9112 (section 3.2.1)
// in the normal form of RFC 3986 (section 6.2.2), which is what RFC 9421 signs:
// between signer, proxy and server there is then nothing left to normalise.
func checkTarget(target string) error {
	if len(target) > maxTarget {
		return muster.Errorf(muster.Invalid, "the path of the request has more than %d characters", maxTarget)
	}
	if !strings.HasPrefix(target, "/") {
		return muster.Errorf(muster.Invalid, "the request is for %q, which is no path", short(target))
	}
	for i := 0; i < len(target); i++ {
		if c := target[i]; c <= ' ' || c > '~' || c == '#' {
			return muster.Errorf(muster.Invalid, "the path of the request has the character %q", c)
		}
	}
	path, _, _ := strings.Cut(target, "?")
	if !normalEscapes(target) || !normalSegments(path) {
		return muster.Errorf(muster.Invalid, "the path %q is not in normal form", short(target))
	}
	return nil
}

// normalEscapes reports whether every percent-encoding in s is in upper case and
// of a character that needs it.
func normalEscapes(s string) bool {
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			return true
		}
		if len(s) < i+3 {
			return false
		}
		hi, lo := upperHex(s[i+1]), upperHex(s[i+2])
		if hi < 0 || lo < 0 || isUnreserved(byte(hi<<4|lo)) {
			return false
		}
		s = s[i+3:]
	}
}

func upperHex(c byte) int { return strings.IndexByte("0123456789ABCDEF", c) }

// isUnreserved is RFC 3986, section 2.3.
func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// normalSegments reports whether no segment of path is "." or "..".
func normalSegments(path string) bool {
	for strings.Contains(path, "/.") {
		_, path, _ = strings.Cut(path, "/.")
		if path == "" || path[0] == '/' || path == "." || strings.HasPrefix(path, "./") {
			return false
		}
	}
	return true
}

// appendBase appends the signature base (RFC 9421, section 2.5).
func (s source) appendBase(b []byte, components []string, params string) ([]byte, error) {
	var err error
	for _, name := range components {
		b = append(append(append(b, '"'), name...), `": `...)
		if b, err = s.appendValue(b, name); err != nil {
			return nil, err
		}
		b = append(b, '\n')
	}
	b = append(b, `"@signature-params": `...)
	return append(b, params...), nil
}

// appendValue appends the value of a component (section 2).
func (s source) appendValue(b []byte, name string) ([]byte, error) {
	path, query, _ := strings.Cut(s.target, "?")
	switch name {
	case "@method":
		return append(b, method(s.req)...), nil
	case "@path":
		return append(b, path...), nil
	case "@query": // of a request without one: "?"
		return append(append(b, '?'), query...), nil
	case "@authority":
		return append(b, authority(s.req)...), nil
	case "@target-uri":
		b = append(append(b, scheme(s.req)...), "://"...)
		return append(append(b, authority(s.req)...), s.target...), nil
	}
	return s.appendField(b, name)
}

// appendField appends the lines of a field, joined and trimmed (section 2.1).
func (s source) appendField(b []byte, name string) ([]byte, error) {
	values := s.req.Header[headerName(name)]
	if len(values) == 0 || strings.ToLower(name) != name {
		return nil, muster.Errorf(muster.Invalid, "the signature covers %q, which the request has not", short(name))
	}
	for i, v := range values {
		if i > 0 {
			b = append(b, ", "...)
		}
		// A line break would let one component look like two.
		if strings.ContainsAny(v, "\r\n") {
			return nil, muster.Errorf(muster.Invalid, "the field %q has a line break", name)
		}
		b = append(b, strings.Trim(v, " \t")...)
	}
	return b, nil
}

// headerName spares the memory that http.CanonicalHeaderKey takes.
func headerName(component string) string {
	switch component {
	case "content-digest":
		return headerDigest
	case "muster-server":
		return headerServer
	case "muster-counter":
		return headerCounter
	}
	return http.CanonicalHeaderKey(component)
}

func method(req *http.Request) string {
	if req.Method == "" { // of a client
		return http.MethodGet
	}
	return req.Method
}

func scheme(req *http.Request) string {
	if req.URL.Scheme == "http" || req.URL.Scheme == "" && req.TLS == nil {
		return "http"
	}
	return "https"
}

// authority is the host in lower case, without the port of its scheme (section 2.2.3).
func authority(req *http.Request) string {
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	port := ":443"
	if scheme(req) == "http" {
		port = ":80"
	}
	return strings.TrimSuffix(strings.ToLower(host), port)
}
