package script

import (
	"fmt"
	"strings"
)

// An iniFile is the lines of an ini file, kept as they are: parsing and
// printing gives the same bytes.
//
//	file    = { line }
//	line    = blank | comment | "[" section "]" | key ("=" | ":") value
//	comment = ("#" | ";") text
//
// Lines of another form are kept and mean nothing.
type iniFile struct {
	lines   []string // without line end
	newline string
	ended   bool // the last line has a line end
}

func parseIni(text string) *iniFile {
	f := &iniFile{newline: "\n", ended: true}
	if text == "" {
		return f
	}
	if strings.Contains(text, "\r\n") && !strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\n") {
		f.newline = "\r\n"
	}
	text, f.ended = strings.CutSuffix(text, f.newline)
	f.lines = strings.Split(text, f.newline)
	return f
}

func (f *iniFile) String() string {
	if len(f.lines) == 0 {
		return ""
	}
	text := strings.Join(f.lines, f.newline)
	if f.ended {
		text += f.newline
	}
	return text
}

// bom may start a file made by Windows programs.
const bom = "\ufeff"

// sectionOf returns the section that line opens.
func sectionOf(line string) (string, bool) {
	line = strings.TrimSpace(strings.TrimPrefix(line, bom))
	if !strings.HasPrefix(line, "[") {
		return "", false
	}
	name, _, ok := strings.Cut(line[1:], "]")
	return strings.TrimSpace(name), ok
}

// optionOf returns key and value of line.
func optionOf(line string) (key, value string, ok bool) {
	line = strings.TrimSpace(strings.TrimPrefix(line, bom))
	i := strings.IndexAny(line, "=:")
	if i <= 0 || strings.IndexByte("#;[", line[0]) >= 0 {
		return "", "", false
	}
	return strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+1:]), true
}

// section returns the range of lines below the header of a section, -1 if it
// is not there. A section that stands twice counts once.
func (f *iniFile) section(name string) (first, end int) {
	first = -1
	for i, line := range f.lines {
		s, ok := sectionOf(line)
		switch {
		case ok && first >= 0:
			return first, i
		case ok && strings.EqualFold(s, name):
			first = i + 1
		}
	}
	return first, len(f.lines)
}

// option returns the line of a key, -1 if it is not there.
func (f *iniFile) option(section, key string) int {
	first, end := f.section(section)
	for i := first; i >= 0 && i < end; i++ {
		if k, _, ok := optionOf(f.lines[i]); ok && strings.EqualFold(k, key) {
			return i
		}
	}
	return -1
}

func (f *iniFile) get(section, key string) (string, bool) {
	i := f.option(section, key)
	if i < 0 {
		return "", false
	}
	_, value, _ := optionOf(f.lines[i])
	return value, true
}

// set changes the line of a key, keeping the way it is written, or adds one
// after the last line of its section that says something.
func (f *iniFile) set(section, key, value string) {
	if i := f.option(section, key); i >= 0 {
		f.lines[i] = withValue(f.lines[i], value)
		return
	}
	first, end := f.section(section)
	if first < 0 {
		if len(f.lines) > 0 && strings.TrimSpace(f.lines[len(f.lines)-1]) != "" {
			f.lines = append(f.lines, "")
		}
		f.lines, f.ended = append(f.lines, "["+section+"]", key+" = "+value), true
		return
	}
	for end > first && strings.TrimSpace(f.lines[end-1]) == "" {
		end--
	}
	f.lines = append(f.lines[:end:end], append([]string{key + " = " + value}, f.lines[end:]...)...)
}

// withValue replaces what stands after the sign and the white space behind it.
func withValue(line, value string) string {
	i := strings.IndexAny(line, "=:") + 1
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	return line[:i] + value
}

func (f *iniFile) remove(section, key string) bool {
	i := f.option(section, key)
	if i < 0 {
		return false
	}
	f.lines = append(f.lines[:i], f.lines[i+1:]...)
	return true
}

func (f *iniFile) removeSection(section string) bool {
	first, end := f.section(section)
	if first < 0 {
		return false
	}
	f.lines = append(f.lines[:first-1], f.lines[end:]...)
	return true
}

// checkIni refuses what would change the meaning of other lines, or would be
// read back as something else.
func checkIni(section, key, value string) error {
	all := section + key + value
	switch {
	case strings.ContainsAny(all, "\n\r\x00") || strings.Contains(all, bom),
		section != strings.TrimSpace(section) || section == "" || strings.Contains(section, "]"),
		key != strings.TrimSpace(key) || key == "" || strings.ContainsAny(key, "=:"),
		key != "" && strings.IndexByte("#;[", key[0]) >= 0,
		value != strings.TrimSpace(value):
		return fmt.Errorf("[%s] %s = %s cannot be written in an ini file", section, key, value)
	}
	return nil
}
