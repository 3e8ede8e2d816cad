package collect

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"muster/inventory"
)

// regFile reads what `reg export` writes: UTF-16, [keys], "name"="text" and
// "name"=dword:hex.
func regFile(t *testing.T, name string) (keys []uninstallKey) {
	t.Helper()
	data := readTestdata(t, name)
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	for l := range strings.Lines(string(utf16.Decode(units))) {
		l = strings.TrimRight(l, "\r\n")
		if key, ok := strings.CutPrefix(l, "["); ok {
			key = strings.TrimSuffix(key, "]")
			keys = append(keys, uninstallKey{"amd64", key[strings.LastIndexByte(key, '\\')+1:], map[string]string{}, map[string]uint64{}})
			continue
		}
		value, data, ok := strings.Cut(l, "=")
		if !ok || len(keys) == 0 {
			continue
		}
		k := keys[len(keys)-1]
		value = strings.Trim(value, `"`)
		if hex, ok := strings.CutPrefix(data, "dword:"); ok {
			n, err := strconv.ParseUint(hex, 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			k.numbers[value] = n
		} else if strings.HasPrefix(data, `"`) {
			k.texts[value] = strings.ReplaceAll(data[1:len(data)-1], `\\`, `\`)
		}
	}
	return keys
}

// TestWindows reads keys that msiexec wrote.
func TestWindows(t *testing.T) {
	keys := regFile(t, "uninstall.reg")
	if len(keys) != 3 {
		t.Fatalf("%+v", keys)
	}
	want := []inventory.Package{{Architecture: "amd64", ID: "{5F3E1A52-6F0B-4C7D-9A41-2D7C5E0B9A11}", Name: "Muster Probe é",
		Version: "3.2.1", Vendor: "Example Institute", Installed: 1795219200}}
	if rows := windowsPackages(keys); !slices.Equal(rows, want) {
		t.Errorf("%+v", rows)
	}
}

func TestWindowsLeftOut(t *testing.T) {
	for name, k := range map[string]uninstallKey{
		"part":   {texts: map[string]string{"DisplayName": "x", "ParentKeyName": "y"}},
		"update": {texts: map[string]string{"DisplayName": "x", "ReleaseType": "Security Update"}},
		"system": {texts: map[string]string{"DisplayName": "x"}, numbers: map[string]uint64{"SystemComponent": 1}},
		"empty":  {},
	} {
		if rows := windowsPackages([]uninstallKey{k}); len(rows) > 0 {
			t.Errorf("%s: %+v", name, rows)
		}
	}
	for s, want := range map[string]int64{"20240131": 1706659200, "1/31/2024": 1706659200, "2024-01-31": 1706659200, "": 0, "31.01.2024": 0} {
		if got := windowsDate(s); got != want {
			t.Errorf("%q is %d", s, got)
		}
	}
}
