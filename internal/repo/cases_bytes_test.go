package repo

import (
	"encoding/binary"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"muster"
	"muster/index"
)

// bomb is a zstd frame of 131 kB that decompresses to 4 GiB: 32,768 blocks of
// one repeated byte (RFC 8878, 3.1.1.2).
func bomb() []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3}
	for i := range 32768 {
		header := uint32(128<<10)<<3 | 1<<1
		if i == 32767 {
			header |= 1
		}
		b = append(binary.LittleEndian.AppendUint32(b, header)[:len(b)+3], 'a')
	}
	return b
}

// An index that decompresses without end is stopped at the size that the head
// says, whoever signed the head.
func TestCase13Bomb(t *testing.T) {
	data := bomb()
	if len(data) != 131078 {
		t.Fatalf("the bomb has %d bytes", len(data))
	}
	bounded(t, func() {
		_, err := decompress(data, 1<<20)
		wantKind(t, err, muster.Invalid, "more than 1048576 bytes")
	})
	refuse(t, lie{"as index", func(t *testing.T, s *stage) {
		s.lies("changes", status(404))
		s.lies("by-hash", answer(data))
		s.signHead(t, everybody().alice, func(h *index.Head) {
			h.Index.Compressed = index.Blob{Size: int64(len(data)), SHA256: index.Sum(data)}
		})
	}, muster.Invalid, "more than"})
	s := newStage(t)
	s.lies("changes", answer(data)) // larger than the index: not read to its end
	if got := update(t, s.c); got != "age 1, age 2, zip 3" {
		t.Errorf("index has %s", got)
	}
}

// bounded fails when f allocates more than the bomb's window some times over.
func bounded(t *testing.T, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 32<<20 {
		t.Errorf("%d MB were allocated", n>>20)
	}
}

// A head is read up to its limit, whatever the server says of its length.
func TestCase13EndlessHead(t *testing.T) {
	endless := func(length string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/octet-stream")
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			for block := make([]byte, 64<<10); r.Context().Err() == nil; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}
	}
	lies := func(h http.HandlerFunc) func(*testing.T, *stage) {
		return func(t *testing.T, s *stage) { s.lies(headName, h) }
	}
	refuse(t,
		lie{"a byte too many", lies(answer(make([]byte, index.MaxHead+1))), muster.Unavailable, "more than 65536"},
		lie{"without end", lies(endless("")), muster.Unavailable, "more than 65536"},
		lie{"length of 1 TiB", lies(endless("1099511627776")), muster.Unavailable, "1099511627776 bytes, more than 65536"},
		lie{"length too small", func(t *testing.T, s *stage) {
			s.lies(headName, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "100")
				w.Write(read(t, s.Dir, headName)[:100])
			})
		}, muster.Invalid, ""},
		lie{"length too large", func(t *testing.T, s *stage) {
			s.lies(headName, func(w http.ResponseWriter, r *http.Request) {
				data := read(t, s.Dir, headName)
				w.Header().Set("Content-Length", "60000")
				w.Write(data)
			})
		}, muster.Unavailable, "EOF"},
		lie{"gzip bomb", lies(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte(strings.Repeat("x", 1000)))
		}), muster.Unavailable, "encoded"},
	)
}
