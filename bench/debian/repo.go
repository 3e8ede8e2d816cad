package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster"
	"muster/control"
	"muster/deb822"
	"muster/index"
	"muster/internal/plan"
	"muster/sign"
	"muster/version"
)

func relations(names []string) (all []control.Relation) {
	for _, name := range names {
		all = append(all, control.Relation{Name: name})
	}
	return all
}

// publish writes the repository in dir: as internal/repo does, but without
// asking for the packages. The authority's certificate is dir.crt.
func publish(dir, text string) error {
	id, err := authority(dir)
	if err != nil {
		return err
	}
	x, err := convert(text, sign.Fingerprint(id.Chain[0]))
	if err != nil {
		return err
	}
	old, err := newest(dir)
	if err != nil {
		return err
	}
	link, err := firstLink(dir, id)
	if err != nil {
		return err
	}
	now := time.Now()
	serial := now.Unix()
	if old != nil {
		serial = max(serial, old.Serial+1)
	}
	packed, err := pack(x.Print())
	if err != nil {
		return err
	}
	h := &index.Head{Type: index.HeadType, Repository: "debian", Serial: serial, Date: serial, Expires: serial + 14*86400,
		Trust: index.LinkRef{Number: 1, SHA256: index.Sum(link)},
		Index: index.List{Serial: serial, Raw: blob(x.Print()), Compressed: blob(packed)}}
	content, err := h.Encode()
	if err != nil {
		return err
	}
	file, err := sign.Sign(content, false, now, id)
	if err != nil {
		return err
	}
	if err := writeChanges(dir, old, x, serial); err != nil {
		return err
	}
	return errors.Join(write(dir, "by-hash/"+h.Index.Compressed.SHA256, packed),
		write(dir, "Packages", x.Print()), write(dir, "Packages.p7m", file),
		os.Chtimes(filepath.Join(dir, "Packages.p7m"), now, time.Unix(serial, 0)))
}

func blob(data []byte) index.Blob {
	return index.Blob{Size: int64(len(data)), SHA256: index.Sum(data)}
}

func write(dir, name string, data []byte) error {
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// pack compresses as a publisher does.
func pack(raw []byte) ([]byte, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer enc.Close()
	return enc.EncodeAll(raw, nil), nil
}

// authority reads the key and certificate beside dir, or makes them.
func authority(dir string) (*sign.Identity, error) {
	keyPEM, err := os.ReadFile(dir + ".key")
	if err == nil {
		certPEM, err := os.ReadFile(dir + ".crt")
		if err != nil {
			return nil, err
		}
		return sign.ParseIdentity(keyPEM, certPEM, nil)
	}
	key, err := sign.NewKey("")
	if err != nil {
		return nil, err
	}
	cert, err := sign.NewAuthority("Benchmark", key, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	if err != nil {
		return nil, err
	}
	if keyPEM, err = sign.MarshalKey(key, nil); err != nil {
		return nil, err
	}
	id := &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}}
	return id, errors.Join(os.WriteFile(dir+".key", keyPEM, 0o600), os.WriteFile(dir+".crt", sign.EncodeCerts(cert), 0o644))
}

// newest is the head of the repository, nil before the first.
func newest(dir string) (*index.Head, error) {
	file, err := os.ReadFile(filepath.Join(dir, "Packages.p7m"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return index.InspectHead(file)
}

func firstLink(dir string, id *sign.Identity) ([]byte, error) {
	if file, err := os.ReadFile(filepath.Join(dir, "trust/1.p7m")); err == nil {
		return file, nil
	}
	l := &index.Link{Type: index.LinkType, Repository: "debian", Number: 1, Date: time.Now().Unix(), Add: [][]byte{id.Chain[0].Raw}}
	content, err := l.Encode()
	if err != nil {
		return nil, err
	}
	file, err := sign.Sign(content, false, time.Now(), id)
	if err != nil {
		return nil, err
	}
	return file, write(dir, "trust/1.p7m", file)
}

func writeChanges(dir string, old *index.Head, x *index.Index, serial int64) error {
	if old == nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(dir, "Packages"))
	if err != nil {
		return err
	}
	before, err := index.Parse(string(text))
	if err != nil {
		return err
	}
	packed, err := pack(index.Diff(before, x, old.Index.Serial, serial).Print())
	if err != nil {
		return err
	}
	return write(dir, fmt.Sprintf("changes/%d-%d", old.Index.Serial, serial), packed)
}

// convert makes the index of what Debian's stanzas say. Two of one name and version
// count once.
func convert(text, signer string) (*index.Index, error) {
	packages, err := plan.ReadDebian(text, "amd64")
	if err != nil {
		return nil, err
	}
	stanzas, err := deb822.Parse(text)
	if err != nil {
		return nil, err
	}
	adapt(packages)
	seen := map[string]bool{}
	var entries []*index.Entry
	for i := range packages {
		e := entry(&packages[i], stanzas[packages[i].Index], signer)
		if err := e.Check(); err != nil {
			fmt.Fprintln(os.Stderr, "debian: left out:", err)
			continue
		}
		if !seen[e.Filename] {
			seen[e.Filename] = true
			entries = append(entries, e)
		}
	}
	return index.New(entries)
}

// adapt spells relations as we do. What is of another architecture, which no
// package is here, has a colon in its name. What is later than a version without
// a packaging number includes its packages in Debian, and here does not.
func adapt(packages []plan.Package) {
	spell := func(r *control.Relation) {
		r.Name = strings.Replace(r.Name, ":", ".", 1)
		if v, ok := strings.CutPrefix(r.Constraint.String(), "> "); ok && !strings.Contains(v, "-") {
			r.Constraint = version.Bound(version.GreaterEqual, v)
		}
	}
	for _, p := range packages {
		for _, d := range p.Depends {
			for i := range d {
				spell(&d[i])
			}
		}
		for i := range p.Conflicts {
			spell(&p.Conflicts[i])
		}
	}
}

func entry(p *plan.Package, s deb822.Stanza, signer string) *index.Entry {
	c := &control.Control{Name: p.Name, Version: p.Version, Kind: muster.Base,
		OS: []string{"linux"}, Architecture: []string{s.Get("Architecture")},
		Depends: p.Depends, Conflicts: p.Conflicts, Provides: p.Provides,
		Description: s.Get("Description"), Maintainer: s.Get("Maintainer"), Homepage: s.Get("Homepage"),
		Keywords: []string{s.Get("Section")}}
	size, _ := strconv.ParseInt(s.Get("Size"), 10, 64)
	raw, _ := strconv.ParseInt(s.Get("Installed-Size"), 10, 64)
	return &index.Entry{Control: c, Filename: index.Pool(c), Size: size, InstalledSize: raw << 10, NeedsCode: true,
		SHA256: s.Get("SHA256"), ManifestSHA256: index.Sum(bytes.ToUpper([]byte(s.Get("SHA256")))), Signers: []string{signer}}
}
