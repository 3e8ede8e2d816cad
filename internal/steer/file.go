package steer

import (
	"context"
	"io"

	"muster"
	"muster/index"
	"muster/pkgfile"
	"muster/sign"
)

// A File is what a package file says of itself, and who says to have signed it.
type File struct {
	*pkgfile.Manifest
	Signatures []sign.Signature
}

// Open reads the manifest of a package: its first bytes, not its payload.
func (l *List) Open(ctx context.Context, e *index.Entry) (*File, error) {
	p, err := pkgfile.Open(&remote{ctx: ctx, shelf: l.shelf, name: e.Filename, size: e.Size}, e.Size)
	if err != nil {
		return nil, err
	}
	if err := e.Matches(p); err != nil {
		return nil, err
	}
	signatures, err := sign.InspectDetached(p.Signature, p.Encoded)
	if err != nil {
		return nil, err
	}
	l.shelf.learn(signatures)
	return &File{p.Manifest, signatures}, nil
}

// block is how much of a file is asked for at least: most manifests fit.
const block = 64 << 10

// A remote is a file of the repository that is read in blocks. One goroutine reads it.
type remote struct {
	ctx   context.Context
	shelf *Shelf
	name  string
	size  int64
	at    int64
	have  []byte
}

func (r *remote) ReadAt(p []byte, off int64) (int, error) {
	end := off + int64(len(p))
	if off < 0 || end > r.size {
		return 0, io.ErrUnexpectedEOF
	}
	if off < r.at || end > r.at+int64(len(r.have)) {
		n := min(max(int64(len(p)), block), r.size-off)
		data, err := r.shelf.Client.RepositoryFile(r.ctx, r.name, off, n)
		if err != nil {
			return 0, err
		}
		if int64(len(data)) < end-off {
			return 0, muster.Errorf(muster.Unavailable, "%q broke off", r.name)
		}
		r.at, r.have = off, data
	}
	return copy(p, r.have[off-r.at:]), nil
}
