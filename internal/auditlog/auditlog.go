// Package auditlog is the format of the server's audit log: entries, signed
// checkpoints, the exported file, and the checks that anybody can make with them,
// without the server.
//
// Start with [Verify], which reads an export, and [Advance], by which whoever
// keeps a checkpoint sees that a newer one continues it. Package
// [muster/internal/auditlog/ledger] keeps the log in a database.
//
// # Format
//
// Entry n is the canonical JSON of an [api.AuditEntry] whose number is n. The
// entries are the records of a Merkle tree (RFC 6962, section 2.1, as
// golang.org/x/mod/sumdb/tlog has it). A checkpoint is a signed note (C2SP
// tlog-checkpoint and signed-note) with the text
//
//	muster/SERVER-ID/audit
//	SIZE
//	ROOT HASH, base64
//
// and a signature of the server's key for it (Ed25519). An export is text:
//
//	muster-auditlog 1 VERIFIER-KEY
//	a line for each checkpoint that is known, by size: the note as a JSON string
//	an empty line
//	a line for each entry: its record hash as the server has kept it, base64, a blank, the entry
//
// The last checkpoint is that of the whole export.
//
// # Promise
//
// Who has a checkpoint, or an export, of any time can tell whether anything up to
// it was changed, left out or put in since: also by whoever has the database. Who
// has the server's key as well can write another log from its beginning, and is
// found by everybody who kept a checkpoint.
package auditlog

import (
	"encoding/base64"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"muster"
	"muster/api"
	"muster/internal/canon"
)

// MaxEntry bounds the JSON of an entry, in bytes.
const MaxEntry = 16 << 10

// Encode returns the record of an entry.
func Encode(e *api.AuditEntry) ([]byte, error) {
	data, err := canon.Marshal(e)
	if err == nil && len(data) > MaxEntry {
		return nil, muster.Errorf(muster.Invalid, "an entry of the audit log has %d bytes, more than %d", len(data), MaxEntry)
	}
	return data, err
}

// Parse reads a record.
func Parse(data []byte) (*api.AuditEntry, error) {
	if len(data) > MaxEntry {
		return nil, muster.Errorf(muster.Invalid, "an entry of the audit log has %d bytes, more than %d", len(data), MaxEntry)
	}
	e := new(api.AuditEntry)
	if err := canon.Unmarshal(data, e); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read an entry of the audit log: %w", err)
	}
	return e, nil
}

// Origin is the first line of the checkpoints of a server, and the name of its key.
func Origin(server string) string { return "muster/" + server + "/audit" }

// A Tree is what a checkpoint says of a log.
type Tree struct {
	Origin string
	tlog.Tree
}

// maxCheckpoint bounds a signed checkpoint, in bytes.
const maxCheckpoint = 2048

// Sign returns the checkpoint of a log.
func Sign(t tlog.Tree, signer note.Signer) (string, error) {
	text := signer.Name() + "\n" + strconv.FormatInt(t.N, 10) + "\n" + t.Hash.String() + "\n"
	data, err := note.Sign(&note.Note{Text: text}, signer)
	return string(data), err
}

// OpenCheckpoint reads a checkpoint that key has signed.
func OpenCheckpoint(text string, key note.Verifier) (t Tree, err error) {
	if len(text) > maxCheckpoint {
		return t, muster.Errorf(muster.Invalid, "a checkpoint has %d bytes, more than %d", len(text), maxCheckpoint)
	}
	n, err := note.Open([]byte(text), note.VerifierList(key))
	if err != nil {
		return t, muster.Errorf(muster.Denied, "the checkpoint is not signed by the key %q: %w", key.Name(), err)
	}
	if t, err = parseTree(n.Text); err != nil {
		return t, err
	}
	if t.Origin != key.Name() {
		return t, muster.Errorf(muster.Denied, "the checkpoint is one of %q, not of %q", t.Origin, key.Name())
	}
	return t, nil
}

// parseTree reads the text of a checkpoint. There is one way to write each.
func parseTree(text string) (t Tree, err error) {
	bad := func() (Tree, error) {
		return t, muster.Errorf(muster.Invalid, "%.200q is no checkpoint", text)
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return bad()
	}
	n, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != lines[1] {
		return bad()
	}
	if t.Hash, err = parseHash(lines[2]); err != nil {
		return bad()
	}
	t.Origin, t.N = lines[0], n
	return t, nil
}

func parseHash(text string) (h tlog.Hash, err error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) != len(h) || base64.StdEncoding.EncodeToString(data) != text {
		return h, muster.Errorf(muster.Invalid, "%.60q is no hash", text)
	}
	return tlog.Hash(data), nil
}

// maxProof is in hashes: twice the height of a tree of 2^63 records.
const maxProof = 128

// EncodeProof writes the hashes of a proof.
func EncodeProof(hashes []tlog.Hash) []string {
	var all []string
	for _, h := range hashes {
		all = append(all, h.String())
	}
	return all
}

// ParseProof reads what [EncodeProof] wrote.
func ParseProof(all []string) (hashes []tlog.Hash, err error) {
	if len(all) > maxProof {
		return nil, muster.Errorf(muster.Invalid, "a proof has %d hashes, more than %d", len(all), maxProof)
	}
	for _, text := range all {
		h, err := parseHash(text)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h)
	}
	return hashes, nil
}

// Advance opens a checkpoint and checks that the log of an older one, which may be
// "", is its beginning. An error of kind Conflict is an alarm: the log shrank, was
// changed, or is signed by another key.
func Advance(old string, c api.Checkpoint, key note.Verifier) (Tree, error) {
	now, err := OpenCheckpoint(c.Note, key)
	if err != nil || old == "" {
		return now, err
	}
	was, err := OpenCheckpoint(old, key)
	if err != nil {
		return now, err
	}
	switch {
	case now.N < was.N:
		return now, alarm("the audit log has %d entries now, and had %d: its tail from entry %d on is gone", now.N, was.N, now.N)
	case now.N == was.N && now.Hash == was.Hash, was.N == 0:
		return now, nil
	case now.N == was.N:
		return now, alarm("one of the %d entries of the audit log has changed", was.N)
	}
	proof, err := ParseProof(c.Proof)
	if err != nil {
		return now, err
	}
	if err := tlog.CheckTree(proof, now.N, now.Hash, was.N, was.Hash); err != nil {
		return now, alarm("one of the first %d entries of the audit log has changed, or the server does not prove that none has", was.N)
	}
	return now, nil
}

func alarm(format string, args ...any) error {
	return muster.WithHint(muster.Errorf(muster.Conflict, format, args...),
		"unless somebody restored a backup, the server or its database was tampered with: keep this checkpoint, and compare with an export: 'muster auditlog verify FILE'")
}

// CheckEntry checks that e stands in the log of the checkpoint that comes with it.
func CheckEntry(p *api.AuditProof, key note.Verifier) error {
	t, err := OpenCheckpoint(p.Checkpoint.Note, key)
	if err != nil {
		return err
	}
	data, err := Encode(&p.Entry)
	if err != nil {
		return err
	}
	proof, err := ParseProof(p.Checkpoint.Proof)
	if err != nil {
		return err
	}
	if p.Entry.Number < 0 || p.Entry.Number >= t.N {
		return muster.Errorf(muster.Conflict, "entry %d is not in a log of %d entries", p.Entry.Number, t.N)
	}
	if err := tlog.CheckRecord(proof, t.N, t.Hash, p.Entry.Number, tlog.RecordHash(data)); err != nil {
		return muster.Errorf(muster.Conflict, "entry %d does not stand in the log that was signed: %w", p.Entry.Number, err)
	}
	return nil
}

// ParseKey reads a verifier key, as a note has them.
func ParseKey(text string) (note.Verifier, error) {
	key, err := note.NewVerifier(strings.TrimSpace(text))
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "%.100q is no key of an audit log: %w", text, err)
	}
	return key, nil
}
