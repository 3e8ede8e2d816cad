package action

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/sign"
)

// Why an action that is genuine is not begun now. Test with [errors.Is].
var (
	ErrEarly   = errors.New("it may not begin yet")
	ErrExpired = errors.New("its time is over")
)

// NewID is a random id of an action.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Sign makes the message of a, by one or more persons, at a time.
func (a *Action) Sign(at time.Time, by ...*sign.Identity) ([]byte, error) {
	content, err := a.Encode()
	if err != nil {
		return nil, err
	}
	if err := a.near(at); err != nil {
		return nil, err
	}
	der, err := sign.Sign(content, false, at, by...)
	if err != nil {
		return nil, err
	}
	return der, checkSize(der)
}

// Approve adds the signature of a further person to a message.
func Approve(der []byte, at time.Time, by *sign.Identity) ([]byte, error) {
	if _, _, err := Inspect(der); err != nil {
		return nil, err
	}
	der, err := sign.Approve(der, nil, at, by)
	if err != nil {
		return nil, err
	}
	return der, checkSize(der)
}

func checkSize(der []byte) error {
	if len(der) > MaxMessage {
		return muster.Errorf(muster.Invalid, "signed action of %d bytes is larger than %d", len(der), MaxMessage)
	}
	return nil
}

// Inspect reads a message without asking who signed it: for people to look at,
// not to act on.
func Inspect(der []byte) (*Action, []sign.Signature, error) {
	if err := checkSize(der); err != nil {
		return nil, nil, err
	}
	sigs, content, err := sign.Inspect(der)
	if err != nil {
		return nil, nil, fmt.Errorf("action: %w", err)
	}
	if content == nil {
		return nil, nil, muster.Errorf(muster.Invalid, "action: the signed message holds no content")
	}
	a, err := Parse(content)
	return a, sigs, err
}

// A Message is an action with the signatures under it that count: those of
// persons who are believed and have the right that its kind needs. It is the same
// for all hosts that believe the same, so that who verifies for many may keep it;
// [Message.Admit] is what differs.
type Message struct {
	Action  *Action
	Signers []sign.Signature
	SHA256  string // of the message
}

// Open verifies the signatures of a message. Signers must be valid now and at the
// time they claim, and not revoked.
func Open(der []byte, trust *sign.Trust, now time.Time) (*Message, error) {
	a, _, err := Inspect(der)
	if err != nil {
		return nil, err
	}
	content, sigs, err := sign.VerifyAttached(der, trust, sign.Policy{Now: now, Right: a.Kind.Right()})
	if err != nil {
		return nil, fmt.Errorf("action: %w", err)
	}
	// Of the content that was verified, though it is the same.
	if a, err = Parse(content); err != nil {
		return nil, err
	}
	if err := a.near(now); err != nil {
		return nil, err
	}
	return &Message{Action: a, Signers: sigs, SHA256: Sum(der)}, nil
}

// A Signer is who signed a message, by what the certificate says of itself.
type Signer struct {
	Name     string
	Verified bool // trust believes it, with the right that the action needs
}

// Signers are those of a message that [Inspect] has read. Whom trust does not believe
// could be anybody.
func Signers(der []byte, trust *sign.Trust, now time.Time) ([]Signer, error) {
	act, sigs, err := Inspect(der)
	if err != nil {
		return nil, err
	}
	good := map[string]bool{}
	if _, counted, err := sign.VerifyAttached(der, trust, sign.Policy{Now: sign.Floor(now), Right: act.Kind.Right()}); err == nil {
		for _, s := range counted {
			good[sign.Fingerprint(s.Signer)] = true
		}
	}
	var all []Signer
	for _, s := range sigs {
		all = append(all, Signer{sign.Describe(s.Signer), good[sign.Fingerprint(s.Signer)]})
	}
	return all, nil
}

// Sum names a message: SHA-256 in lower-case hexadecimal.
func Sum(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// Limits are what a host's signed settings say of actions.
type Limits struct {
	// None refuses all actions but [Cancel].
	None bool
	// Kinds are those that are accepted; nil: all.
	Kinds []string
	// Signers are the persons whose signatures count, by name or by fingerprint of
	// their key or certificate; nil: all who are believed and have the right.
	Signers []string
	// Approvals are how many persons must have signed an action of a kind; one where
	// it is not named.
	Approvals map[string]int
}

// A Host is who verifies an action, and what it knows.
type Host struct {
	ID     string
	Server string // id of the server whose host it is
	Trust  *sign.Trust
	Limits Limits
	Now    time.Time // after [sign.Floor]
}

// Verify says whether a host is to do what the message says: somebody it believes
// has signed it, for this host, and its time has come. Every reason to refuse is
// an error that says it. It does not know what the host has done already: that an
// id is begun once is for who keeps a record of ids.
//
// What is genuine and only early or late is returned beside the error
// ([ErrEarly], [ErrExpired]).
func Verify(der []byte, proof Proof, h Host) (*Message, error) {
	m, err := Open(der, h.Trust, h.Now)
	if err != nil {
		return nil, err
	}
	return m, m.Admit(proof, h)
}

// Admit is the part of [Verify] that differs between hosts. The times come last,
// so that what is early or late is otherwise right.
func (m *Message) Admit(proof Proof, h Host) error {
	a := m.Action
	if a.Server != h.Server {
		return muster.Errorf(muster.Denied, "the action is for hosts of server %q, not of %q", a.Server, h.Server)
	}
	if err := a.Targets.Include(h.ID, proof); err != nil {
		return err
	}
	if err := h.Limits.admit(a.Kind, m.Signers); err != nil {
		return err
	}
	switch now := h.Now.Unix(); {
	case now < a.NotBefore:
		return muster.Errorf(muster.Busy, "action %s: %w: not before %s", a.ID, ErrEarly, stamp(a.NotBefore))
	case now > a.NotAfter:
		return muster.Errorf(muster.Denied, "action %s: %w since %s", a.ID, ErrExpired, stamp(a.NotAfter))
	}
	return nil
}

// near refuses what begins so late that nobody would remember to cancel it, nor a
// host that it was cancelled.
func (a *Action) near(now time.Time) error {
	if a.NotBefore-now.Unix() > MaxAhead {
		return muster.Errorf(muster.Denied, "action %s may begin at %s, more than %d days from now", a.ID, stamp(a.NotBefore), MaxAhead/MaxSpan)
	}
	return nil
}

func stamp(t int64) string { return time.Unix(t, 0).UTC().Format(time.RFC3339) }

// admit reports why an action of the kind, signed so, is not accepted.
func (l *Limits) admit(kind Kind, sigs []sign.Signature) error {
	// Whoever may stop something may do so also where nothing may be begun.
	if kind != Cancel && (l.None || l.Kinds != nil && !slices.Contains(l.Kinds, string(kind))) {
		return muster.Errorf(muster.Denied, "the settings of this host (action-kinds) do not accept %s", kind)
	}
	if l.Signers != nil {
		sigs = slices.DeleteFunc(slices.Clone(sigs), func(s sign.Signature) bool { return !l.names(s) })
	}
	if len(sigs) == 0 {
		return muster.Errorf(muster.Denied, "the settings of this host (action-signers) name none of those who signed")
	}
	if need, have := l.Approvals[string(kind)], sign.Persons(sigs); have < need {
		return muster.Errorf(muster.Denied, "%s needs the signatures of %d persons (action-approvals), and has those of %d", kind, need, have)
	}
	return nil
}

// names reports whether the settings name who signed.
func (l *Limits) names(s sign.Signature) bool {
	cert := s.Signer
	return slices.ContainsFunc(l.Signers, func(who string) bool {
		who = strings.TrimPrefix(who, "sha256:")
		return who == cert.Subject.CommonName || who == sign.KeyFingerprint(cert) || who == sign.Fingerprint(cert)
	})
}
