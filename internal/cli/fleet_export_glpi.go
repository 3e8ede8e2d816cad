package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"regexp"

	"muster"
	"muster/glpi"
	"muster/internal/durable"
)

// exportInventories writes what get writes, inventories of GLPI a line, as files of
// a folder.
func (a *app) exportInventories(dir string, get func(io.Writer) error) error {
	var disk *durable.Disk
	if err := disk.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	w := &inventoryFolder{dir: dir, disk: disk}
	if err := get(w); err != nil {
		return err
	}
	if err := w.end(); err != nil {
		return err
	}
	return a.answer(map[string]any{"dir": dir, "files": w.files}, func() error {
		a.print("%s: %s", dir, count(w.files, "file"))
		return nil
	})
}

// An inventoryFolder is written lines, and writes a file of each: ID.json, from whose
// name GLPI's injector knows the agent.
type inventoryFolder struct {
	dir   string
	disk  *durable.Disk
	line  bytes.Buffer // without its end
	files int
}

// Write implements [io.Writer].
func (w *inventoryFolder) Write(p []byte) (int, error) {
	n := len(p)
	for {
		part, rest, ended := bytes.Cut(p, []byte("\n"))
		if w.line.Len()+len(part) > glpi.MaxInventory {
			return 0, muster.Errorf(muster.Invalid, "an inventory has more than %d bytes", glpi.MaxInventory)
		}
		w.line.Write(part)
		if !ended {
			return n, nil
		}
		if err := w.file(); err != nil {
			return 0, err
		}
		p = rest
	}
}

// hostUUID is what a name of a file may be made of: a server may say anything.
var hostUUID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// file writes the line that has ended.
func (w *inventoryFolder) file() error {
	var i struct {
		DeviceID string `json:"deviceid"`
	}
	if err := json.Unmarshal(w.line.Bytes(), &i); err != nil {
		return muster.Errorf(muster.Invalid, "the server sends an inventory that is no JSON: %w", err)
	}
	if !hostUUID.MatchString(i.DeviceID) {
		return muster.Errorf(muster.Invalid, "the server sends an inventory of %.50q, which is no host", i.DeviceID)
	}
	w.line.WriteByte('\n')
	err := w.disk.WriteFile(filepath.Join(w.dir, i.DeviceID+".json"), w.line.Bytes(), 0o600)
	w.line.Reset()
	w.files++
	return err
}

// end refuses a line that broke off.
func (w *inventoryFolder) end() error {
	if w.line.Len() > 0 {
		return muster.Errorf(muster.Unavailable, "the last inventory broke off")
	}
	return nil
}
