package reference

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"muster/internal/testneed"
)

// TestLZ4 reads what lz4 writes: blocks of every size, that refer to one another or not, with
// sums and without, of text, of what repeats and of what does not compress.
func TestLZ4(t *testing.T) {
	lz4 := testneed.Program(t, "lz4")
	var many, random strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&many, "Package: lib%d\nVersion: 1.%d\n\n", i, i%7)
	}
	for i := range 100_000 {
		random.WriteByte(byte(i * i >> 3 * 7919 >> 5))
	}
	for name, text := range map[string]string{"text": many.String(), "zeros": strings.Repeat("\x00", 300_000), "odd": random.String(), "short": "a", "empty": ""} {
		for _, args := range []string{"-1 -BD -B4 --no-frame-crc", "-9 -BD -B4", "-1 -BI -B7 -BX", "-12 -BD -B5 --content-size"} {
			cmd := exec.Command(lz4, append(strings.Fields(args), "-c", "-")...)
			cmd.Stdin = strings.NewReader(text)
			packed, err := cmd.Output()
			if err != nil {
				t.Fatalf("lz4 %s: %v", args, err)
			}
			r, err := unlz4(bufio.NewReader(bytes.NewReader(packed)))
			if err != nil {
				t.Fatalf("%s, %s: %v", name, args, err)
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != text {
				t.Errorf("%s, %s: %d bytes of %d, %v", name, args, len(got), len(text), err)
			}
			if r, err := unlz4(bufio.NewReader(bytes.NewReader(packed[:len(packed)-1]))); err == nil {
				if _, err := io.ReadAll(r); err == nil {
					t.Errorf("%s, %s: what breaks off is read to its end", name, args)
				}
			}
		}
	}
}

// frame is a frame of one block.
func frame(block string) []byte {
	b := append(bytes.Clone(lz4Magic), 0x40, 0x40, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(block)))
	return append(append(b, block...), 0, 0, 0, 0)
}

// FuzzLZ4: whatever a frame says, a block is no longer than it may be, and what is read is
// the same in small pieces and in large ones.
func FuzzLZ4(f *testing.F) {
	f.Add(frame("\x10a"))
	f.Add(frame("\x1fa\x01\x00\xff\xff\x00\x10b"))
	f.Add(frame("\x1fa\x02\x00\x00"))
	f.Add(append(frame("\xf0\x01aaaaaaaaaaaaaaaa"), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		read := func(in io.Reader) (string, bool) {
			r, err := unlz4(bufio.NewReader(in))
			if err != nil {
				return "", false
			}
			z := r.(*lz4Reader)
			out, err := io.ReadAll(io.LimitReader(iotest.OneByteReader(r), 1<<17))
			if len(z.out) > lz4Window+z.most || len(z.packed) > z.most {
				t.Fatalf("%d bytes are kept, %d of a block", len(z.out), len(z.packed))
			}
			return string(out), err == nil
		}
		whole, ok := read(bytes.NewReader(data))
		parts, ok2 := read(iotest.OneByteReader(bytes.NewReader(data)))
		if whole != parts || ok != ok2 {
			t.Fatalf("%d bytes, %v; in pieces %d, %v", len(whole), ok, len(parts), ok2)
		}
	})
}
