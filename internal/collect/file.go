package collect

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"strconv"
	"strings"

	"muster"
)

// Bounds of what is read.
const (
	maxSmall    = 1 << 20   // a file of settings, one package's record
	maxDatabase = 128 << 20 // a text database of all packages
	maxEntries  = 200_000   // entries of a directory
)

// read reads a file of at most limit bytes. Files of /proc and /sys say a size
// of 0 or 4096 whatever they hold, so the size is not asked.
func read(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var buf bytes.Buffer
	if info, err := f.Stat(); err == nil && info.Size() < limit {
		buf.Grow(int(info.Size()) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(io.LimitReader(f, limit+1)); err != nil {
		return nil, err
	}
	if int64(buf.Len()) > limit {
		return nil, muster.Errorf(muster.Invalid, "%q has more than %d bytes", name, limit)
	}
	return buf.Bytes(), nil
}

// line reads a file of one line, such as those of /sys; "" where there is none.
func line(fsys fs.FS, name string) string {
	data, err := read(fsys, name, maxSmall)
	if err != nil {
		return ""
	}
	text, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(strings.Trim(text, "\x00"))
}

// number reads a file of one decimal number; 0 where there is none.
func number(fsys fs.FS, name string) int64 { return atoi(line(fsys, name)) }

// atoi reads a decimal number; 0 where it is none.
func atoi(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// list reads a directory; nothing where there is none.
func list(fsys fs.FS, dir string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if len(entries) > maxEntries {
		return nil, muster.Errorf(muster.Invalid, "%q has more than %d entries", dir, maxEntries)
	}
	return entries, err
}

// names lists a directory of which nothing more is known; nothing where it
// cannot be read.
func names(fsys fs.FS, dir string) []string {
	entries, err := list(fsys, dir)
	if err != nil {
		return nil
	}
	all := make([]string, len(entries))
	for i, e := range entries {
		all[i] = e.Name()
	}
	return all
}

// link is the last element of the target of a symbolic link; "" where there is none.
func link(fsys fs.FS, name string) string {
	target, err := fs.ReadLink(fsys, name)
	if err != nil {
		return ""
	}
	return path.Base(target)
}

func isDir(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}

// assignments yields the settings of a file of NAME=value lines, such as
// os-release(5): comments are skipped, quotes of a shell taken away.
func assignments(data []byte) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for l := range bytes.Lines(data) {
			name, value, ok := strings.Cut(strings.TrimSpace(string(l)), "=")
			if !ok || strings.HasPrefix(name, "#") {
				continue
			}
			if !yield(name, unquote(value)) {
				return
			}
		}
	}
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		s = s[1 : len(s)-1]
	}
	return strings.NewReplacer(`\"`, `"`, `\$`, `$`, `\\`, `\`, "\\`", "`").Replace(s)
}

// modified is when a file was written, in Unix seconds; 0 where it is not there.
func modified(fsys fs.FS, name string) int64 {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return 0
	}
	return info.ModTime().Unix()
}

// stanzas calls f for each paragraph of a text database, with its fields of one
// line: "Name: value", or with a separator of ":" as apk has it. Lines that
// continue a field are skipped. The map is reused.
func stanzas(data []byte, wanted string, f func(map[string]string)) error {
	fields := map[string]string{}
	scan := bufio.NewScanner(bytes.NewReader(data))
	scan.Buffer(make([]byte, 64<<10), maxSmall)
	flush := func() {
		if len(fields) > 0 {
			f(fields)
			clear(fields)
		}
	}
	for scan.Scan() {
		l := scan.Bytes()
		if len(l) == 0 {
			flush()
			continue
		}
		i := bytes.IndexByte(l, ':')
		if i <= 0 || l[0] == ' ' || l[0] == '\t' || !strings.Contains(wanted, " "+string(l[:i])+" ") {
			continue
		}
		fields[string(l[:i])] = strings.TrimSpace(string(l[i+1:]))
	}
	if err := scan.Err(); err != nil {
		return fmt.Errorf("a line of more than %d bytes: %w", maxSmall, err)
	}
	flush()
	return nil
}
