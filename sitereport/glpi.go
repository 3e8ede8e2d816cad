package sitereport

import (
	"bytes"
	"encoding/json"
	"strings"

	"muster"
)

// A GLPI is a message of GLPI's agent, or of one that speaks its language.
type GLPI struct {
	Action string  // "contact", "inventory", ...
	Device string  // the agent's name for itself
	Report *Report // of an inventory
}

// glpiMessage is what is read of a message. Agents add much more.
type glpiMessage struct {
	Action  string      `json:"action"`
	Device  glpiText    `json:"deviceid"`
	Partial bool        `json:"partial"`
	Tag     glpiText    `json:"tag"`
	Content glpiContent `json:"content"`
}

type glpiContent struct {
	System struct {
		Arch   glpiText `json:"arch"`
		FQDN   glpiText `json:"fqdn"`
		Kernel glpiText `json:"kernel_version"`
		Full   glpiText `json:"full_name"`
		Name   glpiText `json:"name"`
	} `json:"operatingsystem"`
	Hardware struct {
		Name glpiText `json:"name"`
	} `json:"hardware"`
	Software glpiList `json:"softwares"`
}

// A glpiList is what is installed. It is read one by one: three bytes of a list would
// take a hundred of memory, and nobody has as many.
type glpiList struct {
	there bool
	all   []glpiSoftware
}

func (l *glpiList) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	if l.there {
		return muster.Errorf(muster.Invalid, "there are two lists of software")
	}
	l.there = true
	in := json.NewDecoder(bytes.NewReader(data))
	if t, err := in.Token(); err != nil || t != json.Delim('[') {
		return muster.Errorf(muster.Invalid, "%.40q is no list of software", data)
	}
	var one glpiSoftware
	for n := 0; in.More(); n++ {
		one = glpiSoftware{}
		if n == MaxPackages {
			return muster.Errorf(muster.Invalid, "more than %d packages", MaxPackages)
		}
		if err := in.Decode(&one); err != nil {
			return err
		}
		if one.Name != "" {
			l.all = append(l.all, one)
		}
	}
	return nil
}

type glpiSoftware struct {
	Name      glpiText `json:"name"`
	Version   glpiText `json:"version"`
	Arch      glpiText `json:"arch"`
	From      glpiText `json:"from"`
	Publisher glpiText `json:"publisher"`
}

// A glpiText is a text. Plugins of agents write numbers where one was meant.
type glpiText string

func (t *glpiText) UnmarshalJSON(data []byte) error {
	switch {
	case data[0] == '"':
		return json.Unmarshal(data, (*string)(t))
	case data[0] == '{' || data[0] == '[':
		return muster.Errorf(muster.Invalid, "%.40q is no text", data)
	case !bytes.Equal(data, []byte("null")):
		*t = glpiText(data)
	}
	return nil
}

// glpiManagers are package managers as agents call them. What is not here is no
// package manager that is known.
var glpiManagers = map[string]string{
	"apk": "apk", "deb": "dpkg", "flatpak": "flatpak", "pacman": "pacman", "registry": "windows", "rpm": "rpm", "snap": "snap",
}

// glpiSystems tell what software is of that names no package manager, by the first
// word of the system's name.
var glpiSystems = map[string]string{
	"arch": "pacman", "dragonfly": "freebsd", "endeavouros": "pacman", "freebsd": "freebsd", "macos": "macos", "manjaro": "pacman", "netbsd": "pkgsrc",
}

// ParseGLPI reads a message of GLPI's agent, decompressed. An inventory of parts of
// a host is refused: without its software it would look as if that was removed.
func ParseGLPI(data []byte) (*GLPI, error) {
	if len(data) > MaxReport {
		return nil, muster.Errorf(muster.Invalid, "inventory has %d bytes, more than %d", len(data), MaxReport)
	}
	var m glpiMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read message of GLPI's agent: %w", err)
	}
	g := &GLPI{Action: m.Action, Device: string(m.Device)}
	if m.Action != "inventory" {
		return g, nil
	}
	if m.Partial || !m.Content.Software.there {
		return nil, muster.Errorf(muster.Invalid, "cannot read inventory of GLPI's agent: it is partial, or without software")
	}
	var err error
	g.Report, err = m.report()
	return g, err
}

func (m *glpiMessage) report() (*Report, error) {
	s := &m.Content.System
	host, name := string(s.FQDN), string(s.Full)
	if host == "" {
		host = string(m.Content.Hardware.Name)
	}
	if name == "" {
		name = string(s.Name)
	}
	r := &Report{
		Host: host, Site: string(m.Tag),
		System: System{Name: name, Arch: string(s.Arch), Kernel: string(s.Kernel)},
	}
	system, _, _ := strings.Cut(name, " ")
	r.Packages = make([]Package, 0, len(m.Content.Software.all))
	for i := range m.Content.Software.all {
		if p, ok := m.Content.Software.all[i].pack(strings.ToLower(system)); ok {
			r.Packages = append(r.Packages, p)
		}
	}
	return r.finish("GLPI's agent")
}

func (s *glpiSoftware) pack(system string) (Package, bool) {
	manager := glpiManagers[strings.ToLower(string(s.From))]
	if s.From == "" {
		manager = glpiSystems[system]
	}
	p := Package{Manager: manager, Name: string(s.Name), Version: string(s.Version), Arch: string(s.Arch)}
	if manager == "windows" || manager == "rpm" {
		p.Origin = string(s.Publisher)
	}
	return p, manager != ""
}
