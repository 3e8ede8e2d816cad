package script

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.starlark.net/starlark"
)

var treeHelpers = []Helper{
	{
		Name: "copytree2", Params: "source, target", Summary: "copy a folder with all in it into target", fn: copyTree,
		Text:    "Files that are there already are replaced one by one, others stay. Links are copied as links.",
		Example: "write_file(\"src/a/b\", \"1\")\ncopytree2(\"src\", \"copy\")\nprint(read_file(\"copy/a/b\"))",
	},
	{
		Name: "listdir", Params: "path=\".\"", Summary: "the names in a folder, sorted", fn: listDir,
		Example: "print(listdir(basedir))",
	},
	{
		Name: "rename", Params: "source, target", Summary: "move a file or folder, across file systems too", fn: rename,
		Text:    "A file at target is replaced. A folder at target receives the source.",
		Example: "write_file(\"a\", \"1\")\nrename(\"a\", \"b\")",
	},
	{
		Name: "symlink", Params: "target, path", Summary: "make path a symbolic link to target, replacing a link that is there",
		fn:      symlink,
		Example: "symlink(\"tool-1.2\", \"tool\")",
	},
	{
		Name: "link", Params: "target, path", Summary: "make path another name of the file target", fn: hardLink,
		Example: "write_file(\"a\", \"1\")\nlink(\"a\", \"a2\")",
	},
	{
		Name: "islink", Params: "path", Summary: "whether path is a symbolic link", fn: isLink,
		Example: "print(islink(\"tool\"))",
	},
	{
		Name: "readlink", Params: "path", Summary: "where a symbolic link leads, as written in it", fn: readLink,
		Example: "symlink(\"x\", \"y\")\nprint(readlink(\"y\"))",
	},
	{
		Name: "chmod", Params: "path, mode", Summary: "set the permissions of a file", fn: chmod,
		Text:    "On Windows only the bit for writing counts.",
		Example: "write_file(\"tool\", \"#!/bin/sh\\n\")\nchmod(\"tool\", 0o755)",
	},
	{
		Name: "filesize", Params: "path", Summary: "the size of a file in bytes", fn: fileSize,
		Example: "write_file(\"a\", \"123\")\nprint(filesize(\"a\"))",
	},
	{
		Name: "file_info", Params: "path", Summary: "size, mode, mtime (seconds since 1970), isdir, islink of a path", fn: fileInfo,
		Text:    "Links are not followed. The answer has these as attributes.",
		Example: "print(file_info(\".\").isdir)",
	},
	{
		Name: "sha256sum", Params: "path", Summary: "the SHA-256 of a file, in hexadecimal", fn: sha256Sum,
		Example: "write_file(\"a\", \"123\")\nprint(sha256sum(\"a\"))", WAPT: "sha256_for_file",
	},
	{
		Name: "basename", Params: "path", Summary: "the last part of a path", fn: onPath(filepath.Base),
		Example: "print(basename(\"a/b.txt\"))",
	},
	{
		Name: "dirname", Params: "path", Summary: "a path without its last part", fn: onPath(filepath.Dir),
		Example: "print(dirname(\"a/b.txt\"))",
	},
	{
		Name: "abspath", Params: "path", Summary: "the full path", fn: absPath,
		Example: "print(abspath(\"a\"))",
	},
	{
		Name: "splitext", Params: "path", Summary: "a path without its extension, and the extension with its dot", fn: splitExt,
		Example: "stem, extension = splitext(\"setup.exe\")",
	},
}

func listDir(c *invocation) (starlark.Value, error) {
	path := "."
	if err := c.unpack(&path); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return textValues(names), nil
}

func rename(c *invocation) (starlark.Value, error) {
	var source, target string
	if err := c.unpack(&source, &target); err != nil {
		return nil, err
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		target = filepath.Join(target, filepath.Base(source))
	}
	if os.Rename(source, target) == nil {
		return starlark.String(target), nil
	}
	// Perhaps another file system: copy, then remove.
	info, err := os.Lstat(source)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		err = copyFolder(source, target)
	} else {
		err = copyEntry(source, target, fs.FileInfoToDirEntry(info))
	}
	if err != nil {
		return nil, err
	}
	return starlark.String(target), os.RemoveAll(source)
}

func symlink(c *invocation) (starlark.Value, error) {
	var target, path string
	if err := c.unpack(&target, &path); err != nil {
		return nil, err
	}
	return nil, replaceLink(target, path)
}

func hardLink(c *invocation) (starlark.Value, error) {
	var target, path string
	if err := c.unpack(&target, &path); err != nil {
		return nil, err
	}
	return nil, os.Link(target, path)
}

func isLink(c *invocation) (starlark.Value, error) {
	return c.askFile(os.Lstat, func(m fs.FileMode) bool { return m&fs.ModeSymlink != 0 })
}

func readLink(c *invocation) (starlark.Value, error) {
	var path string
	if err := c.unpack(&path); err != nil {
		return nil, err
	}
	to, err := os.Readlink(path)
	return starlark.String(to), err
}

// chmod takes the twelve bits of Unix, setuid among them: what a package may
// bring is decided where its files are checked, not here.
func chmod(c *invocation) (starlark.Value, error) {
	var path string
	var mode int
	if err := c.unpack(&path, &mode); err != nil {
		return nil, err
	}
	if mode < 0 || mode > 0o7777 {
		return nil, fmt.Errorf("%s: %#o is no mode", c.name, mode)
	}
	m := fs.FileMode(mode) & fs.ModePerm
	for bit, flag := range map[int]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if mode&bit != 0 {
			m |= flag
		}
	}
	return nil, os.Chmod(path, m)
}

func fileSize(c *invocation) (starlark.Value, error) {
	var path string
	if err := c.unpack(&path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return starlark.MakeInt64(info.Size()), nil
}

func fileInfo(c *invocation) (starlark.Value, error) {
	var path string
	if err := c.unpack(&path); err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	return record("file_info", map[string]starlark.Value{
		"size":   starlark.MakeInt64(info.Size()),
		"mode":   starlark.MakeInt(int(info.Mode().Perm())),
		"mtime":  starlark.MakeInt64(info.ModTime().Unix()),
		"isdir":  starlark.Bool(info.IsDir()),
		"islink": starlark.Bool(info.Mode()&fs.ModeSymlink != 0),
	}), nil
}

func sha256Sum(c *invocation) (starlark.Value, error) {
	var path string
	if err := c.unpack(&path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return starlark.String(hex.EncodeToString(h.Sum(nil))), nil
}

func onPath(f func(string) string) func(*invocation) (starlark.Value, error) {
	return func(c *invocation) (starlark.Value, error) {
		var path string
		if err := c.unpack(&path); err != nil {
			return nil, err
		}
		return starlark.String(f(path)), nil
	}
}

func absPath(c *invocation) (starlark.Value, error) {
	var path string
	if err := c.unpack(&path); err != nil {
		return nil, err
	}
	full, err := filepath.Abs(path)
	return starlark.String(full), err
}

func splitExt(c *invocation) (starlark.Value, error) {
	var path string
	if err := c.unpack(&path); err != nil {
		return nil, err
	}
	ext := filepath.Ext(path)
	if ext == filepath.Base(path) { // .profile
		ext = ""
	}
	return starlark.Tuple{starlark.String(path[:len(path)-len(ext)]), starlark.String(ext)}, nil
}
