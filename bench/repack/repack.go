// Command repack makes packages of trees of files, for benchmarks:
//
//	repack -version 1 -key K -cert C -out DIR TREE...
//
// Each TREE is a folder with a folder root, what the package places in a root.
// Its name is the name of the package. Packages are packed and signed as
// muster build does it, but made of files that lie there already, without a
// recipe: as fast as the packer is.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"muster"
	"muster/control"
	"muster/pkgfile"
	"muster/sign"
)

type options struct {
	version   string
	key, cert string
	out       string
}

func main() {
	var o options
	flag.StringVar(&o.version, "version", "1", "version of the packages")
	flag.StringVar(&o.key, "key", "", "file of the private key, without password")
	flag.StringVar(&o.cert, "cert", "", "file of its certificate and those of its issuers")
	flag.StringVar(&o.out, "out", ".", "folder of the packages; they are replaced")
	flag.Parse()
	if err := run(o, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "repack:", err)
		os.Exit(1)
	}
}

func run(o options, trees []string, w io.Writer) error {
	id, err := identity(o.key, o.cert)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	for _, tree := range trees {
		name, err := o.pack(tree, id)
		if err != nil {
			return fmt.Errorf("cannot pack %q: %w", tree, err)
		}
		fmt.Fprintln(w, name)
	}
	return nil
}

func identity(key, cert string) (*sign.Identity, error) {
	k, err := os.ReadFile(key)
	if err != nil {
		return nil, err
	}
	c, err := os.ReadFile(cert)
	if err != nil {
		return nil, err
	}
	return sign.ParseIdentity(k, c, func() ([]byte, error) {
		return nil, muster.Errorf(muster.Invalid, "the key has a password")
	})
}

// pack makes the package of one tree and returns its file.
func (o *options) pack(tree string, id *sign.Identity) (name string, err error) {
	entries, err := pkgfile.Walk(tree)
	if err != nil {
		return "", err
	}
	// A fixed date: the same tree makes the same content.
	spec := pkgfile.Spec{Control: o.control(tree, entries), Date: time.Unix(1700000000, 0), Entries: entries}
	draft, err := pkgfile.Build(spec, o.out)
	if err != nil {
		return "", err
	}
	defer draft.Close()
	signature, err := sign.Sign(draft.Encoded, true, time.Now(), id)
	if err != nil {
		return "", err
	}
	name = filepath.Join(o.out, spec.Control.FileName())
	f, err := os.Create(name)
	if err != nil {
		return "", err
	}
	if err := draft.Write(f, signature); err != nil {
		f.Close()
		return "", err
	}
	return name, f.Close()
}

// control describes a package of a Linux system: file names as they come, and
// every file with a set-user-ID or set-group-ID bit declared.
func (o *options) control(tree string, entries []pkgfile.Entry) control.Control {
	c := control.Control{
		Name: filepath.Base(tree), Version: o.version, Kind: muster.Base,
		OS: []string{"linux"}, Architecture: []string{"amd64"}, FileNames: "posix",
		Maintainer: "Benchmark <benchmark@example.org>", Description: "files of " + filepath.Base(tree),
	}
	for i := range entries {
		if e := &entries[i]; e.Type == pkgfile.Regular && e.Mode&0o6000 != 0 {
			c.Setuid = append(c.Setuid, strings.TrimPrefix(e.Path, "root/"))
		}
	}
	return c
}
