package script

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/starlark"
)

// maxEntries bounds the files of an archive.
const maxEntries = 1 << 20

var archiveHelpers = []Helper{
	{
		Name: "unzip", Params: "file, target=\"\", filenames=[]", Summary: "unpack a zip file; returns the paths made",
		Text: "Without a target, the files go to a folder named like the file. filenames are patterns of what to take. " +
			"Names that lead out of the target, and links, are refused.",
		Example: "def unpack_tool():\n    return unzip(\"tool.zip\", \"tool\", [\"*.txt\"])",
		fn:      unzip,
	},
}

func unzip(c *invocation) (starlark.Value, error) {
	var file, target string
	var patterns starlark.Value
	if err := c.unpack(&file, &target, &patterns); err != nil {
		return nil, err
	}
	var wanted []string
	if patterns != nil {
		var err error
		if wanted, err = textList(patterns); err != nil {
			return nil, err
		}
	}
	if target == "" {
		target = strings.TrimSuffix(file, filepath.Ext(file))
	}
	paths, err := extractZip(file, target, wanted)
	return textValues(paths), err
}

// extractZip goes through os.Root, so that not even a link which is already
// there leads out of target.
func extractZip(file, target string, wanted []string) ([]string, error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", file, err)
	}
	defer z.Close()
	if len(z.File) > maxEntries {
		return nil, fmt.Errorf("%q has more than %d entries", file, maxEntries)
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var made []string
	for _, entry := range z.File {
		if !wantedName(entry.Name, wanted) {
			continue
		}
		if err := extractEntry(root, entry); err != nil {
			return nil, fmt.Errorf("cannot unpack %q from %q: %w", entry.Name, file, err)
		}
		made = append(made, filepath.Join(target, filepath.FromSlash(entry.Name)))
	}
	return made, nil
}

func wantedName(name string, patterns []string) bool {
	if len(patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(patterns, func(p string) bool {
		whole, _ := filepath.Match(p, name)
		last, _ := filepath.Match(p, filepath.Base(name))
		return whole || last
	})
}

func extractEntry(root *os.Root, entry *zip.File) error {
	name := filepath.FromSlash(strings.TrimSuffix(entry.Name, "/"))
	if strings.Contains(entry.Name, `\`) || !filepath.IsLocal(name) {
		return fmt.Errorf("the name leads out of the folder")
	}
	mode := entry.Mode()
	if mode.IsDir() {
		return root.MkdirAll(name, 0o755)
	}
	if !mode.IsRegular() {
		return fmt.Errorf("neither file nor folder")
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	perm := mode.Perm() & 0o755
	if perm == 0 {
		perm = 0o644
	}
	return extractFile(root, name, perm|0o600, entry)
}

func extractFile(root *os.Root, name string, perm fs.FileMode, entry *zip.File) error {
	in, err := entry.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	if err := root.Remove(name); err != nil && !os.IsNotExist(err) {
		return err
	}
	out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	// The reader checks size and CRC itself, at the end.
	_, err = io.Copy(out, in)
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}
