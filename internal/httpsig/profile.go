package httpsig

import (
	"slices"
	"strings"

	"muster"
)

// profile is label and tag of the signatures of this package. The tag (RFC 9421,
// section 2.3) keeps what the same key signs for other uses from being taken for one.
const profile = "muster"

// Names of fields, as net/http has them.
const (
	headerDigest    = "Content-Digest"
	headerInput     = "Signature-Input"
	headerSignature = "Signature"
	headerServer    = "Muster-Server"
	headerCounter   = "Muster-Counter"
)

// covered is what a signature covers, counted all of it, nonced all but the counter.
var (
	counted = []string{"@method", "@path", "@query", "content-digest", "muster-server", "muster-counter"}
	nonced  = counted[:5]
)

// Bounds of the parameters. A nonce has some 96 bits at least.
const (
	minNonce = 16
	maxNonce = 128
	maxKeyID = 128
	maxID    = 128 // of a server
)

// checkProfile refuses a signature that is none of the profile.
func (in *input) checkProfile() error {
	if in.label != profile || in.tag != profile {
		return muster.Errorf(muster.Denied, "the signature has the label %q and the tag %q, and both must be %q",
			short(in.label), short(in.tag), profile)
	}
	if err := in.checkCovered(); err != nil {
		return err
	}
	switch {
	case in.created < 0:
		return missing("created")
	case in.keyID == "" || len(in.keyID) > maxKeyID:
		return missing("keyid")
	case in.alg == "":
		return missing("alg")
	case !in.hasCounter() && (len(in.nonce) < minNonce || len(in.nonce) > maxNonce):
		return muster.Errorf(muster.Denied, "the signature has neither a counter nor a nonce of %d to %d characters", minNonce, maxNonce)
	}
	return nil
}

func missing(param string) error {
	return muster.Errorf(muster.Denied, "the signature has no good parameter %q", param)
}

func (in *input) hasCounter() bool { return len(in.components) == len(counted) }

// checkCovered holds what the signature covers against the profile.
func (in *input) checkCovered() error {
	if slices.Equal(in.components, counted) || slices.Equal(in.components, nonced) {
		return nil
	}
	for _, name := range nonced {
		if !slices.Contains(in.components, name) {
			return muster.Errorf(muster.Denied, "the signature does not cover %q", name)
		}
	}
	return muster.Errorf(muster.Denied, "the signature covers other components than %s, or in another order", list(counted))
}

// list prints components as an inner list.
func list(components []string) string { return `("` + strings.Join(components, `" "`) + `")` }
