package script

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.starlark.net/starlark"

	"muster/internal/durable"
)

// maxRead bounds what read_file takes into the interpreter.
const maxRead = 16 << 20

var fileHelpers = []Helper{
	{
		Name: "isfile", Params: "path", Summary: "whether path is a file (links followed)", fn: isFile,
		Example: "if isfile(\"/etc/debian_version\"):\n    print(\"Debian\")",
	},
	{
		Name: "isdir", Params: "path", Summary: "whether path is a folder (links followed)", fn: isDir,
		Example: "print(isdir(basedir))",
	},
	{
		Name: "exists", Params: "path", Summary: "whether there is anything at path (links not followed)", fn: exists,
		Example: "print(exists(\"maybe\"))",
	},
	{
		Name: "makepath", Params: "*parts", Summary: "join parts of a path", fn: makePath,
		Text:    "A later part does not replace earlier ones, even if it starts with a slash.",
		Example: "print(makepath(root, \"etc\", \"tool.conf\"))",
	},
	{
		Name: "mkdirs", Params: "path, mode=0o755", Summary: "make a folder and those above it; returns path", fn: mkdirs,
		Example: "mkdirs(\"a/b/c\")",
	},
	{
		Name: "read_file", Params: "path", Summary: "the text of a file of at most 16 MiB", fn: readFile,
		Example: "write_file(\"greeting\", \"hello\\n\")\nprint(read_file(\"greeting\"))",
	},
	{
		Name: "write_file", Params: "path, text, mode=0o644", Summary: "write a file, whole or not at all", fn: writeFile,
		Text:    "Folders above it are made. An existing file is replaced in one step.",
		Example: "write_file(\"etc/tool.conf\", \"level = 3\\n\", mode = 0o600)",
	},
	{
		Name: "remove_file", Params: "path", Summary: "remove a file, a link, or all that a pattern matches", fn: removeFile,
		Text:    "What is not there is no error.",
		Example: "remove_file(\"cache/*.tmp\")",
	},
	{
		Name: "remove_tree", Params: "path", Summary: "remove a folder with all in it", fn: removeTreeHelper,
		Text:    "What is not there is no error. The root of a file system and the home of all accounts are refused.",
		Example: "mkdirs(\"old/data\")\nremove_tree(\"old\")",
	},
	{
		Name: "filecopyto", Params: "source, target", Summary: "copy a file, with its mode; target may be a folder", fn: fileCopyTo,
		Example: "write_file(\"a\", \"1\")\nfilecopyto(\"a\", \"b\")",
	},
	{
		Name: "glob", Params: "pattern", Summary: "the paths that match, sorted; ** is any number of folders", fn: globHelper,
		Example: "for path in glob(\"*.conf\"):\n    print(path)",
	},
}

func isFile(c *invocation) (starlark.Value, error) {
	return c.askFile(os.Stat, func(m fs.FileMode) bool { return m.IsRegular() })
}

func isDir(c *invocation) (starlark.Value, error) {
	return c.askFile(os.Stat, fs.FileMode.IsDir)
}

func exists(c *invocation) (starlark.Value, error) {
	return c.askFile(os.Lstat, func(fs.FileMode) bool { return true })
}

func (c *invocation) askFile(stat func(string) (fs.FileInfo, error), want func(fs.FileMode) bool) (starlark.Value, error) {
	var path string
	if err := c.unpack(&path); err != nil {
		return nil, err
	}
	info, err := stat(path)
	return starlark.Bool(err == nil && want(info.Mode())), nil
}

func makePath(c *invocation) (starlark.Value, error) {
	parts, err := textList(c.args)
	if err != nil || len(c.kwargs) > 0 {
		return nil, fmt.Errorf("%s: wants strings", c.name)
	}
	return starlark.String(filepath.Join(parts...)), nil
}

func mkdirs(c *invocation) (starlark.Value, error) {
	var path string
	mode := 0o755
	if err := c.unpack(&path, &mode); err != nil {
		return nil, err
	}
	return starlark.String(path), os.MkdirAll(path, fs.FileMode(mode)&fs.ModePerm)
}

func readFile(c *invocation) (starlark.Value, error) {
	var path string
	if err := c.unpack(&path); err != nil {
		return nil, err
	}
	text, err := readBounded(path, maxRead)
	return starlark.String(text), err
}

// readBounded reads a file of at most limit bytes, whatever it claims to be.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%q has more than %d bytes", path, limit)
	}
	return text, err
}

func writeFile(c *invocation) (starlark.Value, error) {
	var path string
	var text starlark.Value
	mode := 0o644
	if err := c.unpack(&path, &text, &mode); err != nil {
		return nil, err
	}
	var data []byte
	switch t := text.(type) {
	case starlark.String:
		data = []byte(t)
	case starlark.Bytes:
		data = []byte(t)
	default:
		return nil, fmt.Errorf("%s: got %s, want text or bytes", c.name, text.Type())
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return nil, writeAtomic(path, fs.FileMode(mode)&fs.ModePerm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// writeAtomic writes path so that other programs read the old text or the new
// one, after a power cut too. A hook that was killed here runs again, and
// replaces what it had left.
func writeAtomic(path string, mode fs.FileMode, write func(io.Writer) error) error {
	f, err := new(durable.Disk).CreateAgain(path, mode)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := write(f); err != nil {
		return err
	}
	return f.Commit()
}

func removeFile(c *invocation) (starlark.Value, error) {
	var pattern string
	if err := c.unpack(&pattern); err != nil {
		return nil, err
	}
	paths, err := match(pattern)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(pattern); err == nil && !slices.Contains(paths, pattern) {
		paths = append(paths, pattern) // a name with brackets in it
	}
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil && info.IsDir() {
			return nil, fmt.Errorf("%s: %q is a folder; use remove_tree", c.name, path)
		}
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	return nil, nil
}

func removeTreeHelper(c *invocation) (starlark.Value, error) {
	var path string
	if err := c.unpack(&path); err != nil {
		return nil, err
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if vital(full) || path == "" {
		return nil, fmt.Errorf("%s: %q is not for removal", c.name, full)
	}
	return nil, os.RemoveAll(full)
}

// vital reports whether path is a top-level folder or above: an empty variable
// in a path must not take the system with it.
func vital(path string) bool {
	parent := filepath.Dir(path)
	return parent == path || filepath.Dir(parent) == parent
}

func fileCopyTo(c *invocation) (starlark.Value, error) {
	var source, target string
	if err := c.unpack(&source, &target); err != nil {
		return nil, err
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		target = filepath.Join(target, filepath.Base(source))
	}
	return starlark.String(target), copyFile(source, target)
}

func copyFile(source, target string) error {
	f, info, err := openRegular(source)
	if err != nil {
		return err
	}
	defer f.Close()
	return writeAtomic(target, info.Mode().Perm(), func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}

// openRegular opens a regular file: reading a pipe could wait for ever.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%q is no regular file", path)
	}
	f, err := os.Open(path)
	return f, info, err
}

func globHelper(c *invocation) (starlark.Value, error) {
	var pattern string
	if err := c.unpack(&pattern); err != nil {
		return nil, err
	}
	paths, err := match(pattern)
	return textValues(paths), err
}
