package sitereport

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"os/exec"
	"testing"

	"muster/internal/testneed"
)

func TestPack(t *testing.T) {
	packed, err := Pack([]byte(nodeText))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Pack([]byte(nodeText))
	if err != nil || !bytes.Equal(packed, again) {
		t.Error("the same text is packed in two ways", err)
	}
	for _, sent := range [][]byte{packed, []byte(nodeText)} {
		if plain, err := Unpack(sent); err != nil || string(plain) != nodeText {
			t.Errorf("%.20q, %v", plain, err)
		}
	}
	cmd := exec.Command(testneed.Program(t, "gzip"), "-n")
	cmd.Stdin = bytes.NewReader([]byte(nodeText))
	theirs, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := Unpack(theirs); err != nil || string(plain) != nodeText {
		t.Errorf("of gzip: %.20q, %v", plain, err)
	}
	for name, bad := range map[string][]byte{
		"second member": append(packed[:len(packed):len(packed)], packed...),
		"behind it":     append(packed[:len(packed):len(packed)], 0),
		"cut off":       packed[:len(packed)-1],
		"damaged":       append(packed[:len(packed)-5:len(packed)-5], "abcde"...),
		"head alone":    {0x1f, 0x8b},
		"zlib alone":    {0x78, 0x9c},
	} {
		if plain, err := Unpack(bad); err == nil {
			t.Errorf("%s gives %d bytes", name, len(plain))
		}
	}
}

// TestUnpacked holds that what comes out is never more than what was said before.
func TestUnpacked(t *testing.T) {
	text := bytes.Repeat([]byte("dpkg\tbash\n"), 10_000)
	packed, err := Pack(text)
	if err != nil {
		t.Fatal(err)
	}
	if n := Unpacked(packed); n != len(text) {
		t.Errorf("gzip of %d bytes becomes %d", len(text), n)
	}
	lying := bytes.Clone(packed)
	lying[len(lying)-3]-- // of the size, 256 less
	if plain, err := Unpack(lying); err == nil {
		t.Errorf("%d bytes come out of what said to be %d", len(plain), Unpacked(lying))
	}
	if n := Unpacked(text); n != len(text) {
		t.Errorf("%d bytes of text become %d", len(text), n)
	}
	var z bytes.Buffer
	zw := zlib.NewWriter(&z)
	zw.Write(make([]byte, 1<<20)) //nolint:errcheck // a buffer takes all
	zw.Close()
	if n := Unpacked(z.Bytes()); n < 1<<20 || n > 2<<20 {
		t.Errorf("zlib of %d bytes becomes %d", 1<<20, n)
	}
}

// TestBombs holds that few bytes do not become many.
func TestBombs(t *testing.T) {
	zeros := make([]byte, maxUnpacked+1)
	var g, z bytes.Buffer
	gw, zw := gzip.NewWriter(&g), zlib.NewWriter(&z)
	gw.Write(zeros) //nolint:errcheck // a buffer takes all
	zw.Write(zeros) //nolint:errcheck // as above
	gw.Close()
	zw.Close()
	for _, bomb := range [][]byte{g.Bytes(), z.Bytes()} {
		_, err := Unpack(bomb)
		refused(t, err, "more than")
	}
}
