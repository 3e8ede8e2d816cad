package server

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"muster"
	"muster/internal/durable"
	"muster/internal/repo"
	"muster/sign"
)

// A Folder is where a server keeps what makes it this server:
//
//	server.json   its id
//	ca/           the authority that certifies hosts
//	index/        the key that signs heads of the repository, and nothing else
//	audit/        the key that signs checkpoints of the audit log, and the newest one
//	seal/         the key under which secrets of webhooks lie in the database
//	collector/    the key that reports of sites are sealed to, where the server makes it
//	spool/        sealed reports that wait for who has the key; in no backup
//	tls/          the authority and certificate for TLS, where the server makes them
//	trust.d/      the administrators
//	repo/         the repository
//	uploads/      packages on their way into it; emptied at the start
//	muster.db     the database, unless that is elsewhere
//
// Several servers on one database have the same id, ca, index, audit, seal and collector.
type Folder struct {
	Dir  string
	Disk *durable.Disk
}

func (f Folder) path(parts ...string) string {
	return filepath.Join(append([]string{f.Dir}, parts...)...)
}

// A Self is who a server is.
type Self struct {
	ID        string
	Authority *sign.Identity // of hosts
	Index     *sign.Identity
}

// selfFile is server.json.
type selfFile struct {
	ID string `json:"id"`
}

const (
	keyFile  = "key.pem"
	certFile = "cert.pem"
	selfName = "server.json"
	trustDir = "trust.d"
	sealDir  = "seal"

	// lifetime of the keys that hosts or administrators pin, which nobody should
	// have to replace on a certain day.
	lifetime = 20 * 365 * 24 * time.Hour
)

// Open reads who the server is, or makes it up at the first start.
func (f Folder) Open(now time.Time) (*Self, error) {
	for _, dir := range []string{"", "ca", "index", trustDir, "uploads"} {
		if err := f.Disk.MkdirAll(f.path(dir), 0o700); err != nil {
			return nil, muster.WithKind(muster.Unavailable, err)
		}
	}
	s := &Self{}
	var err error
	if s.ID, err = f.id(); err != nil {
		return nil, err
	}
	if s.Authority, err = f.identity("ca", func(key pair) (*x509.Certificate, error) {
		return sign.NewAuthority("hosts of muster server "+s.ID[:8], key, now.Add(-time.Hour), now.Add(lifetime))
	}); err != nil {
		return nil, err
	}
	s.Index, err = f.identity("index", func(key pair) (*x509.Certificate, error) {
		return sign.SelfSigned("index of muster server "+s.ID[:8], key, now.Add(-time.Hour), now.Add(lifetime), sign.RightIndex)
	})
	return s, err
}

// id reads or makes the server's id. It is the first file that there is: what
// follows bears its name.
func (f Folder) id() (string, error) {
	data, err := os.ReadFile(f.path(selfName))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(f.path("ca", keyFile)); err == nil {
			return "", muster.WithHint(muster.Errorf(muster.Invalid, "%q has keys but no %s", f.Dir, selfName), "restore a backup: 'musterd restore FILE'")
		}
		s := selfFile{ID: repo.NewID()}
		data, err := json.Marshal(s)
		if err != nil {
			return "", err
		}
		return s.ID, muster.WithKind(muster.Unavailable, f.Disk.WriteFile(f.path(selfName), append(data, '\n'), 0o600))
	}
	if err != nil {
		return "", muster.WithKind(muster.Unavailable, err)
	}
	var s selfFile
	if err := json.Unmarshal(data, &s); err != nil || len(s.ID) != 36 {
		return "", muster.Errorf(muster.Invalid, "cannot read who the server is from %q", f.path(selfName))
	}
	return s.ID, nil
}

// identity reads a key with its certificate. Where there is none it makes them:
// the key first, which a crash leaves for the next start to certify.
func (f Folder) identity(dir string, certify func(pair) (*x509.Certificate, error)) (*sign.Identity, error) {
	keyPEM, err := f.key(dir)
	if err != nil {
		return nil, err
	}
	certPEM, err := os.ReadFile(f.path(dir, certFile))
	if errors.Is(err, fs.ErrNotExist) {
		key, err := sign.ParseKey(keyPEM, nil)
		if err != nil {
			return nil, fmt.Errorf("cannot use %q: %w", f.path(dir, keyFile), err)
		}
		cert, err := certify(key)
		if err != nil {
			return nil, err
		}
		certPEM = sign.EncodeCerts(cert)
		if err := f.Disk.WriteFile(f.path(dir, certFile), certPEM, 0o644); err != nil {
			return nil, muster.WithKind(muster.Unavailable, err)
		}
	} else if err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	id, err := sign.ParseIdentity(keyPEM, certPEM, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot use the key in %q: %w", f.path(dir), err)
	}
	return id, nil
}

// key reads or makes a private key.
func (f Folder) key(dir string) ([]byte, error) {
	name := f.path(dir, keyFile)
	data, err := os.ReadFile(name)
	if err == nil {
		return data, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	if _, err := os.Stat(f.path(dir, certFile)); err == nil {
		return nil, muster.WithHint(muster.Errorf(muster.Invalid, "%q has a certificate but no key", f.path(dir)), "restore a backup: 'musterd restore FILE'")
	}
	if err := f.Disk.MkdirAll(f.path(dir), 0o700); err != nil {
		return nil, muster.WithKind(muster.Unavailable, err)
	}
	key, err := sign.NewKey("")
	if err != nil {
		return nil, err
	}
	if data, err = sign.MarshalKey(key, nil); err != nil {
		return nil, err
	}
	return data, muster.WithKind(muster.Unavailable, f.Disk.WriteFile(name, data, 0o600))
}
