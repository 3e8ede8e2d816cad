package httpsig

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"sync/atomic"
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

func TestWindow(t *testing.T) {
	start := testNow
	w := NewWindow(start, testSkew, 4)
	type step struct {
		name    string
		after   time.Duration // of now, since start
		created time.Duration // of the message, since start
		id      string
		kind    muster.ErrorKind
	}
	for _, s := range []step{
		{"signed before the window", 0, -time.Second, "a", muster.Busy},
		{"new", 0, 0, "a", ""},
		{"again", 0, 0, "a", muster.Conflict},
		{"again, at the end of its time", testSkew, 0, "a", muster.Conflict},
		{"another of the same second", time.Second, 0, "b", ""},
		{"from the future", time.Second, testSkew, "c", ""},
		{"again", time.Second, testSkew, "c", muster.Conflict},
		{"the last one", time.Second, 0, "d", ""},
		{"one too many", time.Second, 0, "e", muster.Busy},
		{"again while it is full", time.Second, 0, "d", muster.Conflict},
		{"again, before it is forgotten", 2*testSkew - time.Second, testSkew, "c", muster.Conflict},
		{"room when others are forgotten", 2*testSkew + 5*time.Minute, 2 * testSkew, "e", ""},
		{"forgotten, after the clock was set back", 0, 0, "a", muster.Busy},
		{"the rest is known", 2 * testSkew, 2 * testSkew, "e", muster.Conflict},
	} {
		err := w.Take(message(0, start.Add(s.created), s.id), start.Add(s.after))
		if muster.KindOf(err) != s.kind {
			t.Errorf("%s: %v", s.name, err)
		}
	}
	if err := w.Take(&Message{Created: start}, start); muster.KindOf(err) != muster.Denied {
		t.Errorf("not verified: %v", err)
	}
}

// TestWindowIsBounded sends for a day what comes in at most: memory stays.
func TestWindowIsBounded(t *testing.T) {
	const limit = 50
	w := NewWindow(testNow, testSkew, limit)
	for i := range 24 * 60 {
		now := testNow.Add(time.Duration(i) * time.Minute)
		for j := range 10 {
			w.Take(message(0, now.Add(time.Duration(j-5)*time.Minute), fmt.Sprint(i, j)), now)
		}
		held := 0
		for _, ids := range w.ages {
			held += len(ids)
		}
		if held > limit || held != w.count || len(w.ages) > 4 {
			t.Fatalf("after %d minutes: %d messages, counted %d, %d ages", i, held, w.count, len(w.ages))
		}
	}
}

// TestWindowTogether: of the same message sent many times at once one is taken.
func TestWindowTogether(t *testing.T) {
	w := NewWindow(testNow, testSkew, 1000)
	var taken atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := range 50 {
				if w.Take(message(0, testNow, fmt.Sprint(i)), testNow) == nil {
					taken.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := taken.Load(); n != 50 {
		t.Errorf("%d were taken", n)
	}
}

// TestSignatureMadeAnew shows why a replay is not known by its signature: s and
// n-s sign the same, and need no key.
func TestSignatureMadeAnew(t *testing.T) {
	key := testKey(ecdsaP256)
	req := request(t, key, host(0), "POST", "/api/v1/login", "{}")
	w := NewWindow(testNow, testSkew, 10)
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
		if err := w.Take(m, testNow); (err == nil) != (i == 0) {
			t.Errorf("message %d: %v", i, err)
		}
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
	w := NewWindow(testNow, testSkew, 10)
	if err := w.Take(m, testNow); muster.KindOf(err) != muster.Denied || w.count != 0 {
		t.Errorf("the window holds %d: %v", w.count, err)
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
		{counter: 1001, id: "d"},           // the Window knows that it is the same
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

// FuzzWindow holds that no message is taken twice, however clocks go.
func FuzzWindow(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 0, 1, 200, 5, 1, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 8
		start := testNow
		w := NewWindow(start, time.Minute, limit)
		taken := map[string]bool{}
		for i := 0; i+3 <= len(data); i += 3 {
			now := start.Add(time.Duration(data[i]) * 10 * time.Second)
			created := now.Add(time.Duration(int(data[i+1])%13-6) * 10 * time.Second)
			id := fmt.Sprint(data[i+2]%16, created.Unix()) // what is signed says when
			err := w.Take(message(0, created, id), now)
			if err == nil && taken[id] {
				t.Fatalf("message %q was taken twice", id)
			}
			taken[id] = taken[id] || err == nil
			if w.count > limit {
				t.Fatalf("the window holds %d", w.count)
			}
		}
	})
}
