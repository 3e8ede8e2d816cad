package httpsig

import (
	"crypto/sha256"
	"errors"

	"muster"
)

// ErrRepeated is that a message came twice, as proxies and lost connections make
// them. It is no sign of a second machine.
var ErrRepeated = errors.New("the request came before")

// sequenceSize is how many counters below the highest may still come. Requests
// that are under way at the same time overtake one another.
const sequenceSize = 64

// A Sequence is what a server keeps of the counters of one key: a window like
// that of RFC 4303, section 3.4.3. The zero Sequence takes any first counter.
type Sequence struct {
	Last uint64            // the highest counter that came
	Seen uint64            // bit i says that Last-i came
	ID   [sha256.Size]byte // of the message with Last
}

// Next is the sequence after the verified message m; the caller keeps it before it
// does what m asks. An error, of kind muster.Conflict, is [ErrRepeated] where m
// is the message that came last. Otherwise the counter was used: m came before,
// came late, or two machines use the key. Who keeps when the message with Last was
// signed, and which came in the last minutes, knows which.
func (s Sequence) Next(m *Message) (Sequence, error) {
	if !m.ok || m.Counter == 0 {
		return s, muster.Errorf(muster.Denied, "the request of %q has no counter", short(m.KeyID))
	}
	if m.Counter > s.Last {
		seen := uint64(1)
		if d := m.Counter - s.Last; d < sequenceSize {
			seen |= s.Seen << d
		}
		return Sequence{Last: m.Counter, Seen: seen, ID: m.id}, nil
	}
	if m.Counter == s.Last && m.id == s.ID {
		return s, muster.WithKind(muster.Conflict, ErrRepeated)
	}
	d := s.Last - m.Counter
	if d >= sequenceSize || s.Seen>>d&1 == 1 {
		return s, muster.Errorf(muster.Conflict, "the counter %d of %q was used before: the newest is %d", m.Counter, short(m.KeyID), s.Last)
	}
	s.Seen |= 1 << d
	return s, nil
}
