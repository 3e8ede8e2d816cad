package httpsig

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"muster"
)

// message is a verified message, without the signature.
func message(counter uint64, created time.Time, text string) *Message {
	m := &Message{KeyID: testHost, Counter: counter, Created: created, ok: true}
	copy(m.id[:], text)
	return m
}

// TestSignatureMadeAnew shows why a replay is not known by its signature: s and
// n-s sign the same, and need no key.
func TestSignatureMadeAnew(t *testing.T) {
	key := testKey(ecdsaP256)
	req := request(t, key, host(0), "POST", "/api/v1/login", "{}")
	first, err := Parse(req, testServer)
	if err != nil {
		t.Fatal(err)
	}
	_, sig, err := parseSignature(nil, req.Header.Get(headerSignature))
	if err != nil {
		t.Fatal(err)
	}
	n, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	s := new(big.Int).SetBytes(sig[32:])
	s.Sub(n, s).FillBytes(sig[32:])
	req.Header.Set(headerSignature, "muster=:"+b64(sig)+":")
	second, err := Parse(req, testServer)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range []*Message{first, second} {
		if err := m.Verify(key.Public(), testNow, testSkew); err != nil {
			t.Fatal(i, err)
		}
	}
	if first.ID() != second.ID() {
		t.Errorf("one message is %x and %x", first.ID(), second.ID())
	}
}

// A stranger cannot make the server forget, nor fill what it keeps.
func TestRefusedMessagesAreNotKept(t *testing.T) {
	req := request(t, testKey(ecdsaP384), host(3), "POST", "/", "")
	m, err := Parse(req, testServer)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Verify(testKey(ecdsaP256).Public(), testNow, testSkew); muster.KindOf(err) != muster.Denied {
		t.Fatal(err)
	}
	s := Sequence{Last: 2, Seen: 1}
	if next, err := s.Next(m); muster.KindOf(err) != muster.Denied || next != s {
		t.Errorf("%+v became %+v: %v", s, next, err)
	}
	if m.ID() != [32]byte{} {
		t.Errorf("ID %x", m.ID())
	}
}

func TestSequence(t *testing.T) {
	var s Sequence
	for i, c := range []struct {
		counter  uint64
		id       string
		ok       bool
		repeated bool
	}{
		{counter: 1000, id: "a", ok: true}, // whatever comes first
		{counter: 1000, id: "a", repeated: true},
		{counter: 1000, id: "b"}, // a second machine
		{counter: 1003, id: "c", ok: true},
		{counter: 1001, id: "d", ok: true}, // overtaken
		{counter: 1001, id: "d"},           // only the newest is known by its message
		{counter: 1000, id: "a"},
		{counter: 1064, id: "e", ok: true}, // a block of counters was lost
		{counter: 1002, id: "f", ok: true},
		{counter: 1000, id: "g"},
		{counter: 1066, id: "h", ok: true},
		{counter: 1002, id: "i"},           // too old to be known
		{counter: 1004, id: "j", ok: true}, // 62 below
		{counter: 5000, id: "k", ok: true},
		{counter: 4999, id: "l", ok: true},
		{counter: 1067, id: "m"},
		{counter: maxInteger, id: "n", ok: true},
		{counter: 5001, id: "o"},
		{counter: 0, id: "p"},
	} {
		next, err := s.Next(message(c.counter, testNow, c.id))
		if (err == nil) != c.ok || errors.Is(err, ErrRepeated) != c.repeated {
			t.Errorf("step %d, counter %d: %v", i, c.counter, err)
		}
		if err != nil && next != s {
			t.Errorf("step %d, counter %d: refused, and the sequence changed", i, c.counter)
		}
		s = next
	}
}

// FuzzSequence holds a Sequence against a set: no counter is taken twice, and
// all that are not older than what it remembers are.
func FuzzSequence(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 0, 3, 0, 2, 1, 0, 0, 4})
	f.Add([]byte{0, 1, 0, 65, 0, 1, 0, 2, 0, 66, 0, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		var s Sequence
		used, last := map[uint64]bool{}, uint64(0)
		for i := 0; i+2 <= len(data); i += 2 {
			n := uint64(binary.BigEndian.Uint16(data[i:])) + 1
			want := !used[n] && (n > last || last-n < sequenceSize)
			next, err := s.Next(message(n, testNow, fmt.Sprint(i)))
			if (err == nil) != want {
				t.Fatalf("counter %d after %d: %v", n, last, err)
			}
			if err == nil {
				used[n], last = true, max(last, n)
			}
			s = next
		}
	})
}
