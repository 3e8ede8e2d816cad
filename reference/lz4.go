package reference

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// lz4Magic begins a frame of LZ4 ("LZ4 Frame Format Description" 1.6.4). apt keeps lists so
// where it is told to keep them compressed, as in images of containers.
var lz4Magic = []byte{0x04, 0x22, 0x4d, 0x18}

const lz4Window = 64 << 10 // how far back a block may refer

var errLZ4 = errors.New("it is no frame of lz4")

// An lz4Reader reads one frame. Sums in it are passed over: whether an index is the one that
// was signed is to be seen before it is read.
type lz4Reader struct {
	r         io.Reader
	most      int // bytes of a block
	blockSums bool
	sum       bool   // behind the last block
	packed    []byte // a block
	out       []byte // what blocks may refer to, then the block that is being read
	at        int    // of out: what was not read yet
	err       error
}

// unlz4 reads the frame that r begins with.
func unlz4(r *bufio.Reader) (io.Reader, error) {
	var head [6]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	flags, size := head[4], head[5]>>4&7
	if [4]byte(head[:4]) != [4]byte(lz4Magic) || flags>>6 != 1 || flags&3 != 0 || size < 4 { // version 1, no dictionary
		return nil, errLZ4
	}
	rest := 1 // a sum of the head
	if flags&8 != 0 {
		rest += 8 // the size of the content
	}
	_, err := r.Discard(rest)
	return &lz4Reader{r: r, most: 1 << (8 + 2*size), blockSums: flags&16 != 0, sum: flags&4 != 0}, err
}

// Read implements [io.Reader].
func (z *lz4Reader) Read(p []byte) (int, error) {
	for z.at == len(z.out) {
		if z.err != nil {
			return 0, z.err
		}
		z.err = z.block()
	}
	n := copy(p, z.out[z.at:])
	z.at += n
	return n, nil
}

// block reads the next block behind what it may refer to. io.EOF is the end of the frame.
func (z *lz4Reader) block() error {
	n, err := z.number()
	if err != nil {
		return err
	}
	if n == 0 {
		return z.end()
	}
	raw, size := n>>31 != 0, int(n&(1<<31-1))
	if size > z.most {
		return errLZ4
	}
	z.packed = append(z.packed[:0], make([]byte, size)...)
	if _, err := io.ReadFull(z.r, z.packed); err != nil {
		return broken(err)
	}
	if z.blockSums {
		if _, err := z.number(); err != nil {
			return err
		}
	}
	z.out = append(z.out[:0], z.out[max(0, len(z.out)-lz4Window):]...)
	z.at = len(z.out)
	if raw {
		z.out = append(z.out, z.packed...)
		return nil
	}
	out, err := unlz4Block(z.out, z.packed, z.at+z.most)
	if err == nil {
		z.out = out
	}
	return err
}

func (z *lz4Reader) number() (uint32, error) {
	var b [4]byte
	_, err := io.ReadFull(z.r, b[:])
	return binary.LittleEndian.Uint32(b[:]), broken(err)
}

// end reads what stands behind the last block.
func (z *lz4Reader) end() error {
	if z.sum {
		if _, err := z.number(); err != nil {
			return err
		}
	}
	if n, _ := z.r.Read(make([]byte, 1)); n > 0 {
		return errors.New("something stands behind the frame of lz4")
	}
	return io.EOF
}

func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// unlz4Block appends to out what a block says ("LZ4 Block Format Description"): bytes as they
// stand, then a copy of what is there already, again and again. out grows to most at most.
func unlz4Block(out, in []byte, most int) ([]byte, error) {
	for len(in) > 0 {
		token := in[0]
		n, in2, ok := lz4Length(int(token>>4), in[1:])
		if !ok || n > len(in2) || n > most-len(out) {
			return nil, errLZ4
		}
		out, in = append(out, in2[:n]...), in2[n:]
		if len(in) == 0 {
			break // the last of a block has no copy
		}
		if len(in) < 2 {
			return nil, errLZ4
		}
		back := int(binary.LittleEndian.Uint16(in))
		n, in, ok = lz4Length(int(token&15), in[2:])
		n += 4
		if !ok || back == 0 || back > len(out) || n > most-len(out) {
			return nil, errLZ4
		}
		for from := len(out) - back; n > 0; n-- { // it may reach into what it makes
			out = append(out, out[from])
			from++
		}
	}
	return out, nil
}

// lz4Length reads a length of which four bits were read.
func lz4Length(n int, in []byte) (length int, rest []byte, ok bool) {
	if n < 15 {
		return n, in, true
	}
	for i, b := range in {
		if n += int(b); b < 255 {
			return n, in[i+1:], true
		}
	}
	return 0, nil, false
}
