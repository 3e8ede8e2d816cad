package httpsig

// An input is what Signature-Input says of one signature. Strings are parts of
// the field.
type input struct {
	label      string
	components []string
	params     string // the inner list with its parameters, as it stands in the field
	created    int64  // Unix seconds; -1: not said, expires too
	expires    int64
	nonce      string
	keyID      string
	alg        string
	tag        string

	array [maxComponents]string // of components
}

// parseInput reads a Signature-Input with one signature into in.
func parseInput(in *input, text string) error {
	r := newFieldReader("Signature-Input", text)
	in.created, in.expires = -1, -1
	in.label = r.key()
	r.expect("=")
	in.params = r.rest
	in.readComponents(&r)
	seen := 0
	for r.err == nil && r.next(";") {
		seen = in.readParam(&r, seen)
	}
	in.params = in.params[:len(in.params)-len(r.rest)]
	return r.end()
}

// readComponents reads the inner list. Parameters of components (;sf, ;key, ;req,
// ...) are not known here.
func (in *input) readComponents(r *fieldReader) {
	in.components = in.array[:0]
	r.expect("(")
	for r.err == nil && !r.next(")") {
		if len(in.components) > 0 {
			r.expect(" ")
		}
		if len(in.components) == maxComponents {
			r.fail("it covers more than %d components", maxComponents)
		}
		name := r.str()
		for _, n := range in.components {
			if n == name {
				r.fail("it covers %q twice", name)
			}
		}
		in.components = append(in.components, name)
		if r.next(";") {
			r.fail("the component %q has a parameter", name)
		}
	}
}

// readParam reads a parameter (RFC 9421, section 2.3). seen has a bit for each
// that came before.
func (in *input) readParam(r *fieldReader, seen int) int {
	name := r.key()
	r.expect("=")
	bit := 0
	switch name {
	case "created":
		in.created, bit = r.integer(), 1
	case "expires":
		in.expires, bit = r.integer(), 2
	case "nonce":
		in.nonce, bit = r.str(), 4
	case "keyid":
		in.keyID, bit = r.str(), 8
	case "alg":
		in.alg, bit = r.str(), 16
	case "tag":
		in.tag, bit = r.str(), 32
	default:
		r.fail("nobody knows the parameter %q", short(name))
	}
	if seen&bit != 0 {
		r.fail("it has the parameter %q twice", name)
	}
	return seen | bit
}

// parseSignature reads a Signature with one member and appends its bytes to b.
func parseSignature(b []byte, text string) (label string, sig []byte, err error) {
	r := newFieldReader("Signature", text)
	label = r.key()
	r.expect("=")
	sig = r.bytes(b)
	return label, sig, r.end()
}
