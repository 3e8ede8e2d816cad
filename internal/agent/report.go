package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"

	"muster"
	"muster/api"
	"muster/internal/collect"
	"muster/inventory"
)

// base is the document that the server has, nil where that is not known.
func (h *Home) base(k *known) (*inventory.Document, error) {
	if k.Set == "" {
		return nil, nil
	}
	info, err := os.Stat(h.file("inventory.json"))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() > inventory.MaxDocument {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(h.file("inventory.json"))
	if err != nil {
		return nil, err
	}
	doc, err := inventory.Parse(data)
	if err != nil {
		return nil, nil // damaged: the whole goes again
	}
	if hashes, err := doc.Hashes(); err != nil || hashes.Set() != k.Set {
		return nil, nil // a crash came between the two files
	}
	return doc, nil
}

// keepKnown puts in place of sections that could not be read, or were not looked
// at this time, what the server has of them.
func keepKnown(r *collect.Report, base *inventory.Document, missing []string) {
	if base == nil {
		return
	}
	for _, f := range r.Failures {
		r.Document.Keep(base, f.Section)
	}
	for _, s := range missing {
		r.Document.Keep(base, s)
	}
}

// sendInventory brings the server from base to doc: by the difference where both
// know the same base, whole otherwise.
func (l *Link) sendInventory(ctx context.Context, k *known, base, doc *inventory.Document) error {
	hashes, err := doc.Hashes()
	if err != nil || hashes.Set() == k.Set {
		return err
	}
	whole, err := doc.Marshal()
	if err != nil {
		return err
	}
	if base != nil {
		taken, err := l.sendDelta(ctx, base, doc)
		if err == nil && taken.Send == api.SendNothing {
			return l.Home.sent(k, whole, hashes.Set())
		}
		if err != nil && api.CodeOf(err) != api.NoBase {
			return err
		}
	}
	taken, err := l.Inventory(ctx, api.TypeDocument, whole)
	if err != nil {
		return err
	}
	if taken.Set != hashes.Set() {
		return muster.Errorf(muster.Internal, "the server has understood another inventory: %.12s, not %.12s", taken.Set, hashes.Set())
	}
	return l.Home.sent(k, whole, hashes.Set())
}

func (l *Link) sendDelta(ctx context.Context, base, doc *inventory.Document) (api.InventoryTaken, error) {
	delta, err := inventory.Diff(base, doc)
	if err != nil {
		return api.InventoryTaken{}, err
	}
	data, err := delta.Marshal()
	if err != nil {
		return api.InventoryTaken{}, err
	}
	taken, err := l.Inventory(ctx, api.TypeDelta, data)
	if err == nil && taken.Send == api.SendNothing && taken.Set != delta.Result {
		taken.Send = api.SendWhole
	}
	return taken, err
}

// sent keeps the document that the server now has. The document goes first: when
// a crash comes between, the hash in known.json does not fit it, and the whole is
// sent again.
func (h *Home) sent(k *known, doc []byte, set string) error {
	if err := h.Disk.WriteFile(h.file("inventory.json"), doc, 0o600); err != nil {
		return err
	}
	k.Set = set
	return h.saveKnown(k)
}

// A report is what a check-in would say that the server does not know.
type report struct {
	in      api.CheckIn
	results int // that did not fit
	said    []saidReport
}

// news says whether there is anything in r that is worth a request.
func (r *report) news() bool {
	return r.in.Summary != nil || len(r.in.Results) > 0 || len(r.in.Reports) > 0 || r.in.Agent != ""
}

// unknownTo fills in what k does not have.
func (r *report) unknownTo(k *known, version string, summary *api.Summary) {
	if k.Agent != version {
		r.in.Agent = version
	}
	if summary != nil && !reflect.DeepEqual(summary, k.Summary) {
		r.in.Summary = summary
	}
}

// failuresText says in a line which sections could not be read.
func failuresText(all []collect.Failure) string {
	text := ""
	for _, f := range all {
		text += fmt.Sprintf("cannot read %s: %v; ", f.Section, f.Err)
	}
	return text
}
