package reference

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"hash"
	"io"
	"io/fs"
	"strings"

	"muster"
)

// AddRPM reads a repository of rpm packages: repodata/repomd.xml in a folder, and the
// list of packages that it names, which must have the checksum that it names. The
// signature of repomd.xml is the caller's to check.
func (n *Newest) AddRPM(repository fs.FS) error {
	primary, err := readRepomd(repository)
	if err != nil {
		return err
	}
	f, err := repository.Open(primary.Location.Href)
	if err != nil {
		return muster.WithKind(muster.NotFound, err)
	}
	defer f.Close()
	sum := checksums[primary.Checksum.Type]
	if sum == nil {
		return muster.Errorf(muster.Invalid, "%q has a checksum of unknown type %.20q", repomdName, primary.Checksum.Type)
	}
	h := sum()
	if err := n.AddPrimary(primary.Location.Href, io.TeeReader(io.LimitReader(f, MaxIndex), h)); err != nil {
		return err
	}
	if _, err := io.Copy(h, io.LimitReader(f, MaxIndex)); err != nil { // what the decompressor left
		return muster.Errorf(muster.Invalid, "cannot read %q: %w", primary.Location.Href, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != strings.TrimSpace(primary.Checksum.Value) {
		return muster.Errorf(muster.Invalid, "%q has the checksum %s, and not the one of %s", primary.Location.Href, got, repomdName)
	}
	return nil
}

const (
	repomdName = "repodata/repomd.xml"
	maxRepomd  = 1 << 20
)

var checksums = map[string]func() hash.Hash{
	"sha": sha1.New, "sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

// A repodata is what repomd.xml says of one file.
type repodata struct {
	Type     string `xml:"type,attr"`
	Checksum struct {
		Type  string `xml:"type,attr"`
		Value string `xml:",chardata"`
	} `xml:"checksum"`
	Location struct {
		Href string `xml:"href,attr"`
	} `xml:"location"`
}

// readRepomd finds the list of packages.
func readRepomd(repository fs.FS) (*repodata, error) {
	f, err := repository.Open(repomdName)
	if err != nil {
		return nil, muster.WithKind(muster.NotFound, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRepomd+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxRepomd {
		return nil, muster.Errorf(muster.Invalid, "%q has more than %d bytes", repomdName, maxRepomd)
	}
	r, err := parseRepomd(data)
	if err != nil {
		return nil, muster.Errorf(muster.Invalid, "%q: %w", repomdName, err)
	}
	return r, nil
}

func parseRepomd(data []byte) (*repodata, error) {
	var doc struct {
		Data []repodata `xml:"data"`
	}
	if err := xml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	for i := range doc.Data {
		if doc.Data[i].Type != "primary" {
			continue
		}
		if !fs.ValidPath(doc.Data[i].Location.Href) {
			return nil, errors.New("the list of packages lies outside of the repository")
		}
		return &doc.Data[i], nil
	}
	return nil, errors.New("it names no list of packages")
}

// AddPrimary reads primary.xml of a repository of rpm packages, plain or compressed
// with gzip, bzip2, xz or zstd; file is for messages. Source packages are left out.
//
// Of streams of modules it knows nothing: where several of a package are listed, the
// newest counts, whichever stream hosts follow.
func (n *Newest) AddPrimary(file string, r io.Reader) error {
	plain, end, err := unpack(file, r)
	if err != nil {
		return err
	}
	defer end()
	x := &xmlReader{r: plain, file: file}
	var p rpmPackage
	root := false
	for {
		err := x.next()
		switch {
		case err == io.EOF && root:
			return nil
		case err == io.EOF:
			return x.failed(errors.New("there is no list of packages in it"))
		case err != nil:
			return err
		}
		if x.start && len(x.open) == 1 {
			if root || !x.in("metadata") {
				return x.failed(errors.New("this is no list of packages: its element is not metadata"))
			}
			root = true
		}
		if err := p.take(x); err != nil {
			return x.failed(err)
		}
		if !x.start && x.in("metadata") && p.any || x.empty && x.in("metadata", "package") {
			if err := p.flush(n); err != nil {
				return x.failed(err)
			}
		}
	}
}

// An rpmPackage is what is read of one package.
type rpmPackage struct {
	name, arch, version, source string
	any                         bool
}

// take looks at a tag.
func (p *rpmPackage) take(x *xmlReader) (err error) {
	if x.start {
		x.keep = x.in("metadata", "package", "name") || x.in("metadata", "package", "arch") || x.in("metadata", "package", "format", "sourcerpm")
		switch {
		case x.in("metadata", "package"):
			*p = rpmPackage{any: true}
		case x.in("metadata", "package", "version"):
			p.version, err = rpmVersion(x)
		}
		return err
	}
	to := (*string)(nil)
	if x.keep { // no other element has begun since
		switch string(local(endName(x.tag))) {
		case "name":
			to = &p.name
		case "arch":
			to = &p.arch
		case "sourcerpm":
			to = &p.source
		}
	}
	x.keep = false
	if to == nil {
		return nil
	}
	if *to != "" {
		return errors.New("an element stands twice")
	}
	*to, err = x.value()
	return err
}

// endName is the name of an end tag.
func endName(tag []byte) []byte { return bytes.TrimSpace(bytes.TrimPrefix(tag, []byte("/"))) }

func rpmVersion(x *xmlReader) (string, error) {
	var parts [3]string
	for i, name := range []string{"epoch", "ver", "rel"} {
		v, err := x.attribute(name)
		if err != nil {
			return "", err
		}
		parts[i] = v
	}
	v := parts[1]
	if parts[2] != "" {
		v += "-" + parts[2]
	}
	if parts[0] != "" && parts[0] != "0" {
		v = parts[0] + ":" + v
	}
	return v, nil
}

// flush adds the package that was read.
func (p *rpmPackage) flush(n *Newest) error {
	was := *p
	*p = rpmPackage{}
	if was.arch == "src" || was.arch == "nosrc" {
		return nil
	}
	if n.Sources && was.source != "" {
		was.name, was.version = was.origin()
	}
	return n.add("rpm", was.name, was.arch, was.version)
}

// origin is the source package, of a file name NAME-VERSION-RELEASE.src.rpm. That has
// no epoch; packages take that of their source, as a rule.
func (p *rpmPackage) origin() (name, version string) {
	s := strings.TrimSuffix(strings.TrimSuffix(p.source, ".rpm"), ".src")
	s = strings.TrimSuffix(s, ".nosrc")
	i := strings.LastIndexByte(s, '-')
	if i > 0 {
		i = strings.LastIndexByte(s[:i], '-')
	}
	if i <= 0 {
		return p.name, p.version
	}
	if epoch, _, ok := strings.Cut(p.version, ":"); ok {
		return s[:i], epoch + ":" + s[i+1:]
	}
	return s[:i], s[i+1:]
}
