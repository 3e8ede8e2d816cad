package advisory

import (
	"context"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"muster"
	"muster/advisory/systems"
)

// An Importer reads one document of a form and yields its advisories. Each ID
// is yielded once; what is yielded belongs to the callee.
//
// What an error means: the document as a whole cannot be read, breaks a bound,
// or yield returned it; the caller drops all that was yielded. A single entry
// that cannot be read is no error of the document: it goes to [Options.Skip]
// and the next follows. A part of an entry about a system that the table does
// not know is left out and goes to [Options.Unknown]; an entry of which nothing
// remains is not yielded.
type Importer func(r io.Reader, o Options, yield func(*Advisory) error) error

// Options are the surroundings of an import.
type Options struct {
	Name     string         // of the file or address, for messages
	Systems  *systems.Table // nil is [systems.Builtin]
	MaxBytes int64          // of the document, decompressed; 0 is [MaxBytes]
	Platform Platform       // of a document that does not name its own: updateinfo
	// Skip is told of an entry that is left out, and why. Its error ends the
	// import; where Skip is nil the first such entry does.
	Skip func(entry string, why error) error
	// Unknown is told each name of a system that the table does not have; the
	// scheme is one of those of [systems.Table.Named]. It may be nil.
	Unknown func(scheme, name string)
	// Context ends the import when it ends; nil: nothing does. What is returned then says
	// nothing of the document.
	Context context.Context

	measure *measure // of the document that is read
}

// MaxBytes bounds a document where [Options] do not: half a gigabyte, some five
// times the largest known (the whole list of Debian's tracker, SUSE's OVAL).
const MaxBytes = 512 << 20

// skip reports an entry, and returns what ends the import, or nil to go on.
func (o *Options) skip(entry string, why error) error {
	err := muster.Errorf(muster.Invalid, "cannot read %q of %q: %w", entry, o.Name, why)
	if o.Skip == nil {
		return err
	}
	return o.Skip(entry, err)
}

func (o *Options) table() *systems.Table {
	if o.Systems == nil {
		return systems.Builtin()
	}
	return o.Systems
}

// platform maps the name that a publisher gives a system; ok is false where the
// table does not have it, which has then been reported.
func (o *Options) platform(scheme, name string) (p Platform, ok bool) {
	if p = o.table().Named(scheme, name); !p.Known && o.Unknown != nil {
		o.Unknown(scheme, name)
	}
	return p, p.Known
}

// Summarize makes one line of text that a publisher wrote, at most
// [MaxSummary] bytes, without control characters.
func Summarize(text string) string {
	if len(text) > 4*MaxSummary {
		text = text[:4*MaxSummary]
	}
	text = strings.ToValidUTF8(text, "")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if len(text) <= MaxSummary {
		return text
	}
	cut := MaxSummary - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
