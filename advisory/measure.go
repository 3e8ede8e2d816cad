package advisory

import (
	"context"
	"io"

	"muster"
)

// A measure holds what a document becomes against its size: a kilobyte must not become
// gigabytes, nor keep an importer busy for hours.
type measure struct {
	name  string
	ctx   context.Context // nil: it never ends
	limit int64           // of the document, in bytes
	read  int64           // so far
	made  int64           // rows, or what takes about as much memory or time as one
	asked int64           // made when ctx was asked last
}

// freeRows are what the smallest document may become, and each byte one more. The largest
// lists that are published become one of 30 bytes.
const freeRows = 200_000

// makes counts what a document becomes, before that is made.
func (m *measure) makes(n int) error {
	if m.made += int64(n); m.made > freeRows+m.read {
		return muster.Errorf(muster.Invalid, "%q becomes more than %d rows, of %d bytes", m.name, freeRows+m.read, m.read)
	}
	if m.made-m.asked < 1000 {
		return nil
	}
	m.asked = m.made
	return ended(m.ctx)
}

// ended is why an import is to end; nil: it goes on.
func ended(ctx context.Context) error {
	if ctx == nil || ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// bounded reads at most MaxBytes of a document, until Context ends: one byte more is an
// error, not an end. What is made of it is measured from here on.
func (o *Options) bounded(r io.Reader) io.Reader {
	o.measure = &measure{name: o.Name, ctx: o.Context, limit: o.MaxBytes}
	if o.measure.limit <= 0 {
		o.measure.limit = MaxBytes
	}
	return &boundedReader{r: r, measure: o.measure}
}

type boundedReader struct {
	r io.Reader
	*measure
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if err := ended(b.ctx); err != nil {
		return 0, err
	}
	left := b.limit - b.read
	if int64(len(p)) > left+1 {
		p = p[:left+1]
	}
	n, err := b.r.Read(p)
	if int64(n) > left {
		return 0, muster.Errorf(muster.Invalid, "%q has more than %d bytes", b.name, b.limit)
	}
	b.measure.read += int64(n)
	return n, err
}
