package script

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

const shortcutParams = "label, target=\"\", arguments=\"\", wDir=\"\", icon=\"\", folder=\"\""

var shortcutHelpers = []Helper{
	{
		Name: "create_desktop_shortcut", Params: shortcutParams, Platforms: onlyWindows,
		Summary: "put a shortcut on the desktop of all accounts; returns its path",
		Example: "def desktop():\n    create_desktop_shortcut(\"Tool\", target = r\"C:\\Tool\\tool.exe\")",
	},
	{
		Name: "create_user_desktop_shortcut", Params: shortcutParams, Platforms: onlyWindows,
		Summary: "put a shortcut on the desktop of the account (session_setup); returns its path",
		Example: "def session_setup():\n    create_user_desktop_shortcut(\"Tool\", target = r\"C:\\Tool\\tool.exe\")",
	},
	{
		Name: "create_programs_menu_shortcut", Params: shortcutParams, Platforms: onlyWindows,
		Summary: "put a shortcut in the start menu of all accounts; returns its path",
		Example: "def menu():\n    create_programs_menu_shortcut(\"Tool\", target = r\"C:\\Tool\\tool.exe\", folder = \"Tools\")",
	},
	{
		Name: "remove_desktop_shortcut", Params: "label, folder=\"\"", Platforms: onlyWindows,
		Summary: "remove a shortcut from the desktop of all accounts", Example: "def desktop():\n    remove_desktop_shortcut(\"Tool\")",
	},
	{
		Name: "remove_user_desktop_shortcut", Params: "label, folder=\"\"", Platforms: onlyWindows,
		Summary: "remove a shortcut from the desktop of the account", Example: "def desktop():\n    remove_user_desktop_shortcut(\"Tool\")",
	},
	{
		Name: "remove_programs_menu_shortcut", Params: "label, folder=\"\"", Platforms: onlyWindows,
		Summary: "remove a shortcut from the start menu of all accounts", Example: "def menu():\n    remove_programs_menu_shortcut(\"Tool\", folder = \"Tools\")",
	},
	{
		Name: "task_exists", Params: "name", Platforms: onlyWindows,
		Summary: "whether there is a scheduled task", Example: "def there():\n    return task_exists(\"Tool Update\")",
	},
	{
		Name: "delete_task", Params: "name", Platforms: onlyWindows, system: true,
		Summary: "remove a scheduled task", Example: "def no_update():\n    if task_exists(\"Tool Update\"):\n        delete_task(\"Tool Update\")",
	},
	{
		Name: "create_daily_task", Params: "name, command, parameters=\"\", start_hour=0, start_minute=0", Platforms: onlyWindows, system: true,
		Summary: "run a command each day as SYSTEM; a task of this name is replaced",
		Example: "def daily():\n    create_daily_task(\"Tool\", r\"C:\\Tool\\tool.exe\", \"/clean\", start_hour = 6)",
	},
}

// A shellLink is a shortcut of Windows. Source: Microsoft, [MS-SHLLINK].
type shellLink struct {
	target, arguments, folder, icon string
}

// Flags of a shellLink, and the parts that follow its header.
const (
	linkHasInfo      = 1 << 1
	linkHasFolder    = 1 << 4
	linkHasArguments = 1 << 5
	linkHasIcon      = 1 << 6
	linkUnicode      = 1 << 7
	linkHasExpString = 1 << 9

	linkHeaderSize  = 0x4c
	linkEnvironment = 0xa0000001
	linkEnvSize     = 0x314
	linkPathUnits   = 260
)

// linkClass is the class identifier in every shortcut, as it is stored.
var linkClass = []byte{1, 0x14, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46}

// encode prints the shortcut. The target stands twice: as a local path, and in
// a block that Explorer expands variables in.
func (l *shellLink) encode() ([]byte, error) {
	if l.target == "" || len(utf16.Encode([]rune(l.target))) >= linkPathUnits {
		return nil, fmt.Errorf("a shortcut cannot lead to %q", shorten(l.target, 80))
	}
	for _, s := range []string{l.target, l.arguments, l.folder, l.icon} {
		if strings.ContainsRune(s, 0) || len(s) > 4096 {
			return nil, errors.New("a text of the shortcut is too long or has a zero in it")
		}
	}
	flags := uint32(linkHasInfo | linkUnicode | linkHasExpString)
	var texts bytes.Buffer
	for _, part := range []struct {
		flag uint32
		text string
	}{{linkHasFolder, l.folder}, {linkHasArguments, l.arguments}, {linkHasIcon, l.icon}} {
		if part.text != "" {
			flags |= part.flag
			units := utf16.Encode([]rune(part.text))
			put(&texts, uint16(len(units)), units)
		}
	}
	var b bytes.Buffer
	put(&b, uint32(linkHeaderSize), linkClass, flags, uint32(0x20)) // an ordinary file
	put(&b, [24]byte{}, uint32(0), uint32(0), uint32(1))            // times, size, icon index; a normal window
	put(&b, [12]byte{})
	l.appendInfo(&b)
	b.Write(texts.Bytes())
	l.appendEnvironment(&b)
	put(&b, uint32(0)) // no more blocks
	return b.Bytes(), nil
}

// appendInfo writes a LinkInfo with a volume of unknown serial and the path, in
// eight bits and in Unicode.
func (l *shellLink) appendInfo(b *bytes.Buffer) {
	const header, volume = 0x24, 0x11
	narrow := append([]byte(asASCII(l.target)), 0)
	wide := append(utf16.Encode([]rune(l.target)), 0)
	suffix := header + volume + len(narrow)
	wideAt := suffix + 1
	wideSuffix := wideAt + 2*len(wide)
	put(b, uint32(wideSuffix+2), uint32(header), uint32(1))
	put(b, uint32(header), uint32(header+volume), uint32(0), uint32(suffix), uint32(wideAt), uint32(wideSuffix))
	put(b, uint32(volume), uint32(3), uint32(0), uint32(0x10), byte(0)) // a fixed disk without a name
	put(b, narrow, byte(0), wide, uint16(0))
}

func (l *shellLink) appendEnvironment(b *bytes.Buffer) {
	var narrow [linkPathUnits]byte
	var wide [linkPathUnits]uint16
	copy(narrow[:linkPathUnits-1], asASCII(l.target))
	copy(wide[:linkPathUnits-1], utf16.Encode([]rune(l.target)))
	put(b, uint32(linkEnvSize), uint32(linkEnvironment), narrow[:], wide[:])
}

// put appends little-endian values; a buffer takes them all.
func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		_ = binary.Write(b, binary.LittleEndian, v)
	}
}

func asASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7e {
			return '_'
		}
		return r
	}, s)
}

// shortcutName is the file of a shortcut below a folder.
func shortcutName(label, folder string) (string, error) {
	for _, s := range []string{label, folder} {
		if strings.ContainsAny(s, `/:*?"<>|`+"\x00") || strings.Contains(s, "..") {
			return "", fmt.Errorf("%q is no name of a shortcut", s)
		}
	}
	if label == "" || strings.Contains(label, `\`) {
		return "", fmt.Errorf("%q is no name of a shortcut", label)
	}
	if folder != "" {
		folder = strings.Trim(folder, `\`) + `\`
	}
	return folder + label + ".lnk", nil
}
