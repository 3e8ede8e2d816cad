package reference

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"muster"
)

// maxLine bounds the bytes of a line that are looked at: what is read of an index
// stands in short lines, and of longer ones the beginning is enough to skip them. In
// indexes of FreeBSD a line is a package.
const (
	maxLine     = 1 << 16
	maxLongLine = 1 << 20
)

// A lineReader reads text line by line.
type lineReader struct {
	r    *bufio.Reader
	file string
	line int
	cut  bool // the line was longer than what next returned
}

// next returns the next line without its end, valid until the next call; io.EOF
// behind the last.
func (l *lineReader) next() ([]byte, error) {
	l.line++
	text, err := l.r.ReadSlice('\n')
	l.cut = errors.Is(err, bufio.ErrBufferFull)
	if l.cut {
		text = bytes.Clone(text)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.r.ReadSlice('\n')
		}
	}
	if err == io.EOF && len(text) > 0 {
		err = nil
	}
	if err != nil {
		if err != io.EOF {
			err = l.failed(err)
		}
		return nil, err
	}
	text = bytes.TrimSuffix(text, []byte("\n"))
	return bytes.TrimSuffix(text, []byte("\r")), nil
}

// failed says where.
func (l *lineReader) failed(err error) error {
	return muster.WithKind(muster.Invalid, fmt.Errorf("%q, line %d: %w", l.file, l.line, err))
}

var errLong = errors.New("a line that is too long")
