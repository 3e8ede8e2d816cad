package installer

import (
	"debug/elf"
	"os"
	"strings"

	"muster"
	"muster/internal/recipe/archive"
)

// debArches are Debian's names of architectures (dpkg-architecture(1)).
var debArches = map[string]string{
	"all": "all", "amd64": "amd64", "arm64": "arm64", "armhf": "arm", "i386": "386",
	"riscv64": "riscv64", "ppc64el": "ppc64le", "s390x": "s390x", "loong64": "loong64",
}

func readDeb(f *os.File) (*Facts, error) {
	d, err := archive.OpenDeb(f)
	if err != nil {
		return nil, err
	}
	c := d.Control
	field, _ := c.Field("Description")
	summary, text, _ := strings.Cut(field.Text(), "\n")
	return &Facts{
		Format: Deb, Name: c.Get("Package"), Version: c.Get("Version"),
		OS: []string{"linux"}, Arch: known(debArches, c.Get("Architecture")),
		Vendor: c.Get("Maintainer"), Summary: summary, Description: text,
		Homepage: c.Get("Homepage"), Depends: c.Get("Depends"),
	}, nil
}

// rpmArches are RPM's names of architectures.
var rpmArches = map[string]string{
	"noarch": "all", "x86_64": "amd64", "aarch64": "arm64", "armv7hl": "arm", "i386": "386", "i586": "386", "i686": "386",
	"riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x", "loongarch64": "loong64",
}

func readRPM(f *os.File) (*Facts, error) {
	p, err := archive.OpenRPM(f)
	if err != nil {
		return nil, err
	}
	version := p.Version + "-" + p.Release
	if p.Epoch != "" && p.Epoch != "0" {
		version = p.Epoch + ":" + version
	}
	return &Facts{
		Format: RPM, Name: p.Name, Version: version, OS: []string{"linux"}, Arch: known(rpmArches, p.Arch),
		Vendor: p.Vendor, Summary: p.Summary, Description: p.Description, Licence: p.Licence, Homepage: p.URL,
	}, nil
}

func known(names map[string]string, name string) []string {
	if arch, ok := names[name]; ok {
		return []string{arch}
	}
	return nil
}

// elfArches are the machines of ELF files.
var elfArches = map[elf.Machine]string{
	elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_386: "386", elf.EM_ARM: "arm",
	elf.EM_RISCV: "riscv64", elf.EM_PPC64: "ppc64le", elf.EM_S390: "s390x", elf.EM_LOONGARCH: "loong64",
}

// readAppImage reads a program that carries its files behind itself, marked by
// "AI" and 1 or 2 at byte 8 (AppImage specification, "Type 2 image format"), or
// any other program.
func readAppImage(f *os.File, head []byte) (*Facts, error) {
	e, err := elf.NewFile(f)
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, err)
	}
	facts := &Facts{Format: AppImage, OS: []string{"linux"}}
	if arch := elfArches[e.Machine]; arch != "" {
		facts.Arch = []string{arch}
	}
	if len(head) > 10 && head[8] == 'A' && head[9] == 'I' {
		facts.Maker = "AppImage"
	}
	return facts, nil
}
