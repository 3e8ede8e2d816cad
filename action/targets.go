package action

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"muster"
)

// Bounds of targets.
const (
	MaxNamed   = 64        // hosts that are named one by one
	MaxHosts   = 1_000_000 // of one action
	maxHashes  = 24        // of a proof: log2 of MaxHosts, and some
	maxHostLen = 64
)

// Targets are the hosts that an action is for. Up to [MaxNamed] are named; of
// more the action holds the root of a Merkle tree (RFC 6962) over their sorted ids.
// Each host is given the [Proof] that it is among them, which nobody can make for
// another host.
type Targets struct {
	Count int64    `json:"count,omitempty"`
	Hosts []string `json:"hosts,omitempty"` // ids, sorted
	Root  string   `json:"root,omitempty"`  // SHA-256, lower-case hexadecimal
}

// A Proof shows that a host is one of Count targets: its place among them and the
// hashes that lead from it to the root, from below. It is empty where hosts are
// named.
type Proof struct {
	Index  int64    `json:"index,omitempty"`
	Hashes [][]byte `json:"hashes,omitempty"`
}

// A Tree is the targets of one action with what proofs are made of: 64 bytes a
// host.
type Tree struct {
	Hosts  []string // sorted
	hashes []tlog.Hash
}

// NewTree makes the tree of hosts, which are sorted and each there once.
func NewTree(hosts []string) (*Tree, error) {
	if err := checkHosts(hosts, MaxHosts); err != nil {
		return nil, muster.Errorf(muster.Invalid, "targets: %w", err)
	}
	t := &Tree{Hosts: hosts}
	if len(hosts) <= MaxNamed {
		return t, nil
	}
	t.hashes = make([]tlog.Hash, 0, tlog.StoredHashCount(int64(len(hosts))))
	for i, id := range hosts {
		more, err := tlog.StoredHashes(int64(i), []byte(id), t)
		if err != nil {
			return nil, err
		}
		t.hashes = append(t.hashes, more...)
	}
	return t, nil
}

// ReadHashes is for package tlog.
func (t *Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	all := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(t.hashes)) {
			return nil, errors.New("there is no such hash")
		}
		all[i] = t.hashes[x]
	}
	return all, nil
}

// Targets are what an action for these hosts holds.
func (t *Tree) Targets() (Targets, error) {
	if t.hashes == nil {
		return Targets{Hosts: t.Hosts}, nil
	}
	n := int64(len(t.Hosts))
	root, err := tlog.TreeHash(n, t)
	return Targets{Count: n, Root: hex.EncodeToString(root[:])}, err
}

// Prove makes the proof of the host at place i of the sorted list.
func (t *Tree) Prove(i int) (Proof, error) {
	if i < 0 || i >= len(t.Hosts) {
		return Proof{}, muster.Errorf(muster.Invalid, "there is no target %d", i)
	}
	if t.hashes == nil {
		return Proof{}, nil
	}
	hashes, err := tlog.ProveRecord(int64(len(t.Hosts)), int64(i), t)
	p := Proof{Index: int64(i)}
	for _, h := range hashes {
		p.Hashes = append(p.Hashes, h[:])
	}
	return p, err
}

// Sort puts ids into the order of a tree and takes out what is there twice.
func Sort(hosts []string) []string {
	hosts = slices.Clone(hosts)
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

func checkHosts(hosts []string, most int) error {
	if len(hosts) == 0 || len(hosts) > most {
		return fmt.Errorf("%d hosts, not 1 to %d", len(hosts), most)
	}
	for i, id := range hosts {
		if id == "" || len(id) > maxHostLen || !isText(id) {
			return fmt.Errorf("%.70q is no id of a host", id)
		}
		if i > 0 && hosts[i-1] >= id {
			return fmt.Errorf("the ids of hosts are not sorted at %q", id)
		}
	}
	return nil
}

func (t *Targets) check() error {
	if t.Root == "" {
		if t.Count != 0 {
			return errors.New("targets: a count without a root")
		}
		return prefixed("targets", checkHosts(t.Hosts, MaxNamed))
	}
	if t.Hosts != nil || !isHex(t.Root, tlog.HashSize) || t.Count <= MaxNamed || t.Count > MaxHosts {
		return errors.New("targets: neither a list of hosts nor their number and root")
	}
	return nil
}

func prefixed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Len is how many hosts are meant.
func (t *Targets) Len() int { return max(len(t.Hosts), int(t.Count)) }

// Include reports, as an error, that host is none of the targets, by what p says.
func (t *Targets) Include(host string, p Proof) error {
	other := muster.Errorf(muster.Denied, "the action is not for host %q", host)
	if t.Root == "" {
		if !slices.Contains(t.Hosts, host) {
			return other
		}
		return nil
	}
	root, err := parseHash(t.Root)
	if err != nil || p.Index < 0 || p.Index >= t.Count || len(p.Hashes) > maxHashes {
		return other
	}
	proof := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		if len(h) != tlog.HashSize {
			return other
		}
		copy(proof[i][:], h)
	}
	if err := tlog.CheckRecord(proof, t.Count, root, p.Index, tlog.RecordHash([]byte(host))); err != nil {
		return muster.Errorf(muster.Denied, "the action is not for host %q: %w", host, err)
	}
	return nil
}

func parseHash(s string) (h tlog.Hash, err error) {
	b, err := hex.DecodeString(s)
	if err == nil && len(b) != len(h) {
		err = errors.New("no hash")
	}
	copy(h[:], b)
	return h, err
}

// Sum is SHA-256 over the targets, lower-case hexadecimal: who was shown hosts signs for
// these alone.
func (t *Targets) Sum() string {
	data, err := json.Marshal(t)
	if err != nil {
		return "" // three fields that JSON has always
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Same reports, as an error, that hosts are not exactly the targets.
func (t *Targets) Same(tree *Tree) error {
	is, err := tree.Targets()
	if err != nil {
		return err
	}
	if is.Root != t.Root || is.Count != t.Count || !slices.Equal(is.Hosts, t.Hosts) {
		return muster.Errorf(muster.Invalid, "the list of hosts is not that which was signed")
	}
	return nil
}
