package agent

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"muster"
	"muster/api"
	"muster/internal/durable"
	"muster/sign"
)

// An Identity is who a host is to its server: host.json.
type Identity struct {
	Format int       `json:"format"`
	ID     string    `json:"id"`     // UUID, made on the host
	Server string    `json:"server"` // id of the server
	URL    string    `json:"url"`
	State  api.State `json:"state"`
	// Repository is the repository that the server brought; its mirrors come and go.
	Repository Repository `json:"repository,omitzero"`
	Enrolled   int64      `json:"enrolled,omitempty"` // Unix seconds
	Name       string     `json:"name,omitempty"`     // in place of the machine's own
}

// A Repository is where a server said, when the host joined, that packages are.
type Repository struct {
	ID  string `json:"id"`
	URL string `json:"url"` // absolute
}

const identityFormat = 1

// A Home is the folder in which a host keeps who it is.
type Home struct {
	Dir  string
	Disk *durable.Disk
}

// HomeOf is the home of the host whose root has its state in dir.
func HomeOf(state string, disk *durable.Disk) *Home {
	return &Home{Dir: filepath.Join(state, "host"), Disk: disk}
}

func (h *Home) file(name string) string { return filepath.Join(h.Dir, name) }

// Identity reads who the host is. A root that never joined is of kind
// muster.NotFound.
func (h *Home) Identity() (*Identity, error) {
	id := new(Identity)
	err := h.readJSON("host.json", id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, muster.WithHint(muster.Errorf(muster.NotFound, "this root has joined no server"), "muster join URL --token TOKEN --trust FILE")
	}
	if err != nil {
		return nil, err
	}
	if id.Format != identityFormat || !isUUID(id.ID) || id.Server == "" || id.URL == "" {
		return nil, muster.Errorf(muster.Invalid, "cannot understand %q", h.file("host.json"))
	}
	return id, nil
}

// SaveIdentity makes id durable.
func (h *Home) SaveIdentity(id *Identity) error {
	id.Format = identityFormat
	return h.writeJSON("host.json", id)
}

// Key reads the host's key. With create it makes one where there is none.
func (h *Home) Key(create bool) (crypto.Signer, error) {
	data, err := readBounded(h.file("key.pem"))
	if errors.Is(err, fs.ErrNotExist) && create {
		return h.newKey()
	}
	if err != nil {
		return nil, err
	}
	key, err := sign.ParseKey(data, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot read the key of this host: %w", err)
	}
	return key, nil
}

func (h *Home) newKey() (crypto.Signer, error) {
	key, err := sign.NewKey("ecdsa-p256")
	if err != nil {
		return nil, err
	}
	data, err := sign.MarshalKey(key, nil)
	if err != nil {
		return nil, err
	}
	return key, h.Disk.WriteFile(h.file("key.pem"), data, 0o600)
}

// Certificate reads the host's certificate and that of its issuer.
func (h *Home) Certificate() ([]*x509.Certificate, error) {
	data, err := readBounded(h.file("certificate.pem"))
	if err != nil {
		return nil, err
	}
	return sign.ParseCerts(data)
}

// SaveCertificate keeps what an authority says of the host, after it was found to
// be about this host and its key.
func (h *Home) SaveCertificate(pem, id string, key crypto.PublicKey) error {
	certs, err := sign.ParseCerts([]byte(pem))
	if err != nil {
		return err
	}
	own, ok := key.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !own.Equal(certs[0].PublicKey) || certs[0].Subject.CommonName != id {
		return muster.Errorf(muster.Denied, "the server sent a certificate of another host")
	}
	return h.Disk.WriteFile(h.file("certificate.pem"), sign.EncodeCerts(certs...), 0o644)
}

// Lock keeps other processes from speaking for the host until unlock is called:
// counters have to arrive in the order in which they were given.
func (h *Home) Lock() (unlock func(), err error) {
	lock := flock.New(h.file("lock"), flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return nil, muster.WithKind(muster.Denied, err)
	}
	return func() { lock.Unlock() }, nil
}

// make makes the folder. Others may look who the host is, not into its key.
func (h *Home) make() error {
	if err := h.Disk.MkdirAll(h.Dir, 0o755); err != nil {
		return muster.WithKind(muster.Denied, err)
	}
	return h.Disk.MkdirAll(h.file("results"), 0o700)
}

// maxState bounds a file of the home: the longest are certificates.
const maxState = 1 << 20

func readBounded(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxState {
		return nil, muster.Errorf(muster.Invalid, "%q has %d bytes", name, info.Size())
	}
	return os.ReadFile(name)
}

func (h *Home) readJSON(name string, v any) error {
	data, err := readBounded(h.file(name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return muster.Errorf(muster.Invalid, "cannot understand %q: %w", h.file(name), err)
	}
	return nil
}

func (h *Home) writeJSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return h.Disk.WriteFile(h.file(name), append(data, '\n'), 0o644)
}

// newUUID is a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	return formatUUID(b, 4)
}

func formatUUID(b [16]byte, version byte) string {
	b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		c := s[i]
		if dash != (c == '-') || !dash && !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}
