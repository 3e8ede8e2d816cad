// Package pkgfile is the package file, name_version_os_arch.mpk: one signed
// file that can be verified before a byte of its payload is decompressed, and
// that stock tools open (zstd -dc x.mpk | tar -t).
//
//	skippable zstd frame 0x184D2A50   manifest: canonical JSON
//	skippable zstd frame 0x184D2A51   CMS SignedData, detached, over the manifest
//	zstd frames                       one tar stream, cut at file boundaries
//
// The tar stream holds actions.star (code), payload/ (data for actions) and
// root/ (what is placed in the root). The manifest names every file with its
// size and hash, and every frame with its sizes and hash, so what a signature
// says of the manifest holds for every byte.
//
// Start with [Build] to make a package and [Open] to read one. Both hold a
// package to the same rules ([Manifest.Check]) on every operating system.
// The format is specified in docs/formats/package.md; format 1 will be read by
// every later version.
//
// The package knows no network, clock or log.
package pkgfile

import (
	"bytes"
	"fmt"

	"muster"
	"muster/control"
	"muster/internal/canon"
)

// Format is the format version that this package writes.
const Format = 1

// Limits. A package beyond one is refused before it is parsed.
const (
	MaxManifest  = 64 << 20 // bytes
	MaxSignature = 1 << 20  // bytes
	MaxFiles     = 300_000
	MaxPath      = 1024    // bytes
	MaxFrame     = 4 << 20 // bytes of one frame, raw, besides the tar headers of MaxHeader
	MaxHeader    = 1 << 20 // bytes of tar headers and padding around one file
	MaxSize      = 1 << 40 // bytes of all files
)

// A Manifest is everything that the signature covers. Fields are in the order
// of their JSON names.
type Manifest struct {
	// Actions lists the hooks that actions.star defines, sorted.
	Actions []string        `json:"actions,omitempty"`
	Control control.Control `json:"control"`
	// Date is the modification time of every file, in Unix seconds.
	Date   int64   `json:"date"`
	Files  []File  `json:"files,omitempty"`
	Format int     `json:"format"`
	Frames []Frame `json:"frames"`
	// Policy is what a package of kind config, self-service, wsus or rollout says: stanzas of
	// fields, which package settings reads. Here they are only held to bounds, for
	// older programs must read packages with fields of newer ones.
	Policy     []map[string]string `json:"policy,omitempty"`
	Provenance Provenance          `json:"provenance"`
}

// Type is the type of a file.
type Type string

// The types of file.
const (
	Regular   Type = "file"
	Directory Type = "dir"
	Symlink   Type = "symlink"
	Hardlink  Type = "hardlink" // to a regular file of the same package
)

// A File is one entry of the tar stream.
type File struct {
	// Config is the policy for a file that people edit: "keep" or "".
	Config string `json:"config,omitempty"`
	// Frame is the index of the frame in which the content of a regular file
	// starts. The content of a file that does not fit into the rest of that
	// frame goes on at the start of the next ones.
	Frame int `json:"frame,omitempty"`
	// Link is the target: of a symlink as it stands, of a hardlink the path in
	// the package.
	Link string `json:"link,omitempty"`
	// Mode is the permission bits, with 04000, 02000 and 01000 for
	// set-user-ID, set-group-ID and sticky. Zero for links.
	Mode uint32 `json:"mode,omitempty"`
	// Offset is the first byte of the content in the decompressed frame.
	Offset int64 `json:"offset,omitempty"`
	// Owner is "user:group", or empty for root:root.
	Owner  string `json:"owner,omitempty"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"` // of the content of a regular file, lower-case hexadecimal
	Size   int64  `json:"size,omitempty"`   // of the content of a regular file, bytes
	Type   Type   `json:"type"`
	// Xattrs maps the names of extended attributes to values in base64.
	Xattrs map[string]string `json:"xattrs,omitempty"`
}

// A Frame is one zstd frame. The first begins right behind the signature, each
// other right behind the one before it, and the last ends the file.
type Frame struct {
	Raw    int64  `json:"raw"`    // bytes, decompressed
	SHA256 string `json:"sha256"` // of the compressed bytes
	Size   int64  `json:"size"`   // bytes, compressed
}

// Provenance says where a package comes from. What differs between two builds
// of the same inputs has no place in it.
type Provenance struct {
	Commit         string            `json:"commit,omitempty"`          // of the recipe, with "+dirty" behind it when files differ
	OriginalSigner string            `json:"original-signer,omitempty"` // after an import: who had signed it
	Params         map[string]string `json:"params,omitempty"`          // given with --set
	Recipe         string            `json:"recipe,omitempty"`          // URL of the repository of recipes
	Sources        []Source          `json:"sources,omitempty"`
}

// A Source is something that build() fetched.
type Source struct {
	SHA256 string `json:"sha256"`
	URL    string `json:"url"`
}

// ParseManifest reads a manifest in its only encoding and checks it.
func ParseManifest(data []byte) (*Manifest, error) {
	if len(data) > MaxManifest {
		return nil, muster.Errorf(muster.Invalid, "manifest of %d bytes is larger than %d", len(data), MaxManifest)
	}
	// A manifest that keeps its limit of bytes can list millions of files, and
	// take gigabytes once it is read. Inside a text a quote is escaped: this
	// counts members.
	if n := bytes.Count(data, []byte(`"path":`)); n > MaxFiles {
		return nil, muster.Errorf(muster.Invalid, "manifest: %d files, more than %d", n, MaxFiles)
	}
	var m Manifest
	if err := canon.Unmarshal(data, &m); err != nil {
		return nil, muster.Errorf(muster.Invalid, "manifest: %w", err)
	}
	if err := m.Check(); err != nil {
		return nil, muster.Errorf(muster.Invalid, "manifest: %w", err)
	}
	return &m, nil
}

// Encode writes m in its only encoding.
func (m *Manifest) Encode() ([]byte, error) { return canon.Marshal(m) }

// NeedsCode reports whether the package's signer needs the code-signing right:
// it can change what runs on a host.
func (m *Manifest) NeedsCode() bool {
	return m.Control.Kind.NeedsCode() || len(m.Files) > 0 || len(m.Actions) > 0
}

// InstalledSize is the bytes of all regular files under root/.
func (m *Manifest) InstalledSize() int64 {
	var n int64
	for i := range m.Files {
		if _, ok := m.Files[i].Installed(); ok {
			n += m.Files[i].Size
		}
	}
	return n
}

// Find returns the file of that path, or nil.
func (m *Manifest) Find(path string) *File {
	lo, hi := 0, len(m.Files)
	for lo < hi {
		mid := (lo + hi) / 2
		if m.Files[mid].Path < path {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(m.Files) && m.Files[lo].Path == path {
		return &m.Files[lo]
	}
	return nil
}

// rootPrefix stands before the paths of files that are placed in the root.
const rootPrefix = "root/"

// ActionsPath is the path of the code of a package.
const ActionsPath = "actions.star"

// Installed returns the path relative to the root, for a file that is placed
// there.
func (f *File) Installed() (path string, ok bool) {
	if len(f.Path) > len(rootPrefix) && f.Path[:len(rootPrefix)] == rootPrefix {
		return f.Path[len(rootPrefix):], true
	}
	return "", false
}

func (f *File) String() string { return fmt.Sprintf("%s %q", f.Type, f.Path) }
