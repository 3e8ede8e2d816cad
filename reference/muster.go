package reference

import (
	"fmt"
	"io"
	"slices"

	"muster"
	"muster/control"
	"muster/index"
)

// AddMuster reads the index of one of muster's own repositories (Packages), plain or
// compressed, of which it takes what installs on an operating system: a name of
// [muster.OSes]. The signature of the index is the caller's to check.
func (n *Newest) AddMuster(file string, r io.Reader, os string) error {
	plain, end, err := unpack(file, r)
	if err != nil {
		return err
	}
	defer end()
	text, err := io.ReadAll(io.LimitReader(plain, index.MaxText+1))
	if err != nil {
		return muster.Errorf(muster.Invalid, "cannot read %q: %w", file, err)
	}
	x, err := index.Parse(string(text))
	if err != nil {
		return fmt.Errorf("%q: %w", file, err)
	}
	for _, e := range x.Entries() {
		if !slices.Contains(e.OS, os) && !slices.Contains(e.OS, control.All) {
			continue
		}
		if err := n.add("muster", e.Name, "", e.Version); err != nil {
			return muster.Errorf(muster.Invalid, "%q: %w", file, err)
		}
	}
	return nil
}
