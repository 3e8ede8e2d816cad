// Package varints reads numbers that were written close together, as packages
// encoding/binary and the stores of inventories and reports write them.
//
// Start with [Reader]. Each number has one encoding: one that takes more bytes than it
// needs is damage, as is what ends too soon.
package varints

import (
	"encoding/binary"

	"muster"
)

// A Reader reads Rest, and leaves what it has not read. After the first failure it reads
// zeros, and nothing is left.
type Reader struct {
	Rest []byte
	What string // that is damaged where it cannot be read: "an inventory"

	err error
}

// Fail notes that what was read cannot be.
func (r *Reader) Fail() {
	r.Rest = nil
	if r.err == nil {
		r.err = muster.Errorf(muster.Internal, "the database holds %s that is damaged", r.What)
	}
}

// Err is the first failure.
func (r *Reader) Err() error { return r.err }

// End fails where something is left, and returns the first failure.
func (r *Reader) End() error {
	if len(r.Rest) > 0 {
		r.Fail()
	}
	return r.err
}

// Uvarint reads what [binary.AppendUvarint] wrote.
func (r *Reader) Uvarint() uint64 {
	v, n := binary.Uvarint(r.Rest)
	return took(r, v, n)
}

// Varint reads what [binary.AppendVarint] wrote.
func (r *Reader) Varint() int64 {
	v, n := binary.Varint(r.Rest)
	return took(r, v, n)
}

// took goes on behind a number of n bytes. The last of several is never 0.
func took[T uint64 | int64](r *Reader, v T, n int) T {
	if n <= 0 || n > 1 && r.Rest[n-1] == 0 {
		r.Fail()
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// Bytes reads n bytes; nil after a failure.
func (r *Reader) Bytes(n uint64) []byte {
	if n > uint64(len(r.Rest)) {
		r.Fail()
		return nil
	}
	b := r.Rest[:n]
	r.Rest = r.Rest[n:]
	return b
}
