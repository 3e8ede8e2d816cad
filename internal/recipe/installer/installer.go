// Package installer tells what a piece of software is from the file it comes
// in: name, version, platform, and how it is installed without questions.
//
// Start with [Read]. It knows Debian and RPM packages, Windows Installer
// packages, setup programs, AppImages, and archives, by their content. What it
// tells is a guess for a person to look at, never an input to a decision.
//
// Files are foreign bytes: sizes are bounded, and the tables of Windows files
// are read in a process of their own with little memory (package script).
package installer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"muster"
	"muster/internal/recipe/archive"
)

// A Format is a kind of file that software comes in.
type Format string

// The formats.
const (
	Deb      Format = "deb"
	RPM      Format = "rpm"
	MSI      Format = "msi"
	Setup    Format = "exe"
	AppImage Format = "appimage"
	Archive  Format = "archive" // tar with any compression, or zip
)

// Facts are what a file says of the software in it. Empty is unknown.
type Facts struct {
	Format Format
	File   string // its name, without folder
	Name   string // as the file gives it
	Title  string // that people know

	Version  string
	OS, Arch []string // by the names of Go; "all" for any

	Vendor, Summary, Description, Licence, Homepage string
	// Depends is what the other package system would want beside it.
	Depends string

	// Key is what Windows registers the software under: exact for an MSI, a guess
	// for a setup program.
	Key string
	// Silent are the switches that keep a setup program from asking; Maker is the
	// tool that made it, "" when unknown.
	Silent, Maker string

	// Names are the paths in an archive, the first thousands, and Strip how many
	// leading components they share.
	Names []string
	Strip int
}

// maxNames bounds the paths that are looked at.
const maxNames = 20_000

// Read tells what file is.
func Read(ctx context.Context, file string) (*Facts, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	facts, err := read(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("cannot tell what %q is: %w", file, err)
	}
	facts.File = filepath.Base(file)
	facts.guessFromName()
	return facts, nil
}

func read(ctx context.Context, f *os.File) (*Facts, error) {
	head := make([]byte, 16)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("!<arch>\n")):
		return readDeb(f)
	case bytes.HasPrefix(head, []byte("\xed\xab\xee\xdb")):
		return readRPM(f)
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return readMSI(ctx, f)
	case bytes.HasPrefix(head, []byte("MZ")):
		return readSetup(ctx, f)
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		return readAppImage(f, head)
	}
	return readArchive(ctx, f)
}

func readArchive(ctx context.Context, f *os.File) (*Facts, error) {
	names, err := archive.Names(ctx, f.Name(), maxNames)
	if err != nil {
		return nil, muster.WithHint(err, "known are .deb, .rpm, .msi, .exe, .AppImage, .zip and .tar with any compression")
	}
	facts := &Facts{Format: Archive, Names: names}
	if oneFolder(names) {
		facts.Strip = 1
	}
	return facts, nil
}

// oneFolder reports whether everything lies in one folder, as it does in the
// archives of most sources.
func oneFolder(names []string) bool {
	first, deeper := "", false
	for _, n := range names {
		top, rest, ok := strings.Cut(n, "/")
		if first == "" {
			first = top
		}
		if top != first {
			return false
		}
		deeper = deeper || ok && rest != ""
	}
	return deeper
}

// Has reports whether an archive has a file of that path, below what Strip
// removes.
func (f *Facts) Has(path string) bool {
	for _, n := range f.Names {
		if f.Strip == 1 {
			_, n, _ = strings.Cut(n, "/")
		}
		if n == path {
			return true
		}
	}
	return false
}

// product stands in a key for the name of the product until that is known.
const product = "%s"

// nameAndVersion splits names of files such as tool-1.2.3-linux-x64.tar.gz.
var nameAndVersion = regexp.MustCompile(`^(.*?)[-_ ]v?(\d+(?:\.\d+)+[0-9A-Za-z.+~]*?)(?:[-_ .](?i:linux|win|windows|darwin|macos|x86|x64|amd64|arm64|aarch64|i386|src|orig|setup|installer|bin).*)?(?i:\.tar.*|\.t[gbx]z2?|\.zip|\.exe|\.msi|\.appimage|\.deb|\.rpm)?$`)

// guessFromName fills in what only the name of the file tells.
func (f *Facts) guessFromName() {
	m := nameAndVersion.FindStringSubmatch(f.File)
	if m != nil && f.Name == "" {
		f.Name = m[1]
	}
	if m != nil && f.Version == "" {
		f.Version = m[2]
	}
	if f.Name == "" {
		f.Name, _, _ = strings.Cut(f.File, ".")
	}
	f.Key = strings.ReplaceAll(f.Key, product, f.Name)
	lower := strings.ToLower(f.File)
	if len(f.OS) == 0 {
		f.OS = fromWords(lower, "linux=linux darwin=darwin macos=darwin freebsd=freebsd windows=windows win64=windows win32=windows")
	}
	if len(f.Arch) == 0 {
		f.Arch = fromWords(lower, "x86_64=amd64 amd64=amd64 x64=amd64 aarch64=arm64 arm64=arm64 i386=386 i686=386 riscv64=riscv64")
	}
}

// fromWords is the value of the first of the pairs word=value whose word stands
// in name.
func fromWords(name, pairs string) []string {
	for pair := range strings.FieldsSeq(pairs) {
		if word, value, _ := strings.Cut(pair, "="); strings.Contains(name, word) {
			return []string{value}
		}
	}
	return []string{"all"}
}
