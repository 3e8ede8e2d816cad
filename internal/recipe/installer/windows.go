package installer

import (
	"bytes"
	"context"
	"debug/pe"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/richardlehane/mscfb"

	"muster"
	"muster/internal/script"
)

// readMSI reads a Windows Installer package: the table Property, and the
// platform in the summary information.
func readMSI(ctx context.Context, f *os.File) (*Facts, error) {
	p, err := ask(ctx, "get_msi_properties", f.Name())
	if err != nil {
		return nil, err
	}
	template, err := msiTemplate(f)
	if err != nil {
		return nil, err
	}
	return &Facts{
		Format: MSI, Name: p["ProductName"], Title: p["ProductName"], Version: p["ProductVersion"],
		OS: []string{"windows"}, Arch: msiArches(template), Vendor: p["Manufacturer"],
		Homepage: p["ARPURLINFOABOUT"], Key: p["ProductCode"],
	}, nil
}

// ask calls a helper of packages' actions on a file, in a child process.
func ask(ctx context.Context, helper, file string) (map[string]string, error) {
	r, err := script.Run(ctx, script.Request{
		File: helper, Hook: "test", Params: map[string]string{"file": file},
		Source: []byte("def test():\n    return " + helper + "(params[\"file\"])\n"),
		Limits: script.Limits{Wall: time.Minute},
	})
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, err)
	}
	fields, ok := r.Value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s returned %T", helper, r.Value)
	}
	texts := make(map[string]string, len(fields))
	for name, value := range fields {
		if s, ok := value.(string); ok {
			texts[name] = s
		}
	}
	return texts, nil
}

// maxSummary bounds the summary information; it has some hundred bytes.
const maxSummary = 1 << 20

// msiTemplate is the property Template of the summary information:
// "platform;languages".
func msiTemplate(f io.ReaderAt) (string, error) {
	doc, err := mscfb.New(f)
	if err != nil {
		return "", muster.WithKind(muster.Invalid, err)
	}
	for entry, err := doc.Next(); !errors.Is(err, io.EOF); entry, err = doc.Next() {
		if err != nil {
			return "", muster.WithKind(muster.Invalid, err)
		}
		if entry.Name != "\x05SummaryInformation" && entry.Name != "SummaryInformation" {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(entry, maxSummary))
		if err != nil {
			return "", muster.WithKind(muster.Invalid, err)
		}
		return summaryText(data, pidTemplate), nil
	}
	return "", nil
}

// msiArches are the platforms of a Template ("Template Summary", Windows
// Installer). What is made for 32 bits runs on 64 too.
func msiArches(template string) []string {
	platform, _, _ := bytes.Cut([]byte(template), []byte(";"))
	switch string(platform) {
	case "x64", "AMD64":
		return []string{"amd64"}
	case "Arm64":
		return []string{"arm64"}
	}
	return []string{"amd64", "386"}
}

// readSetup reads a Windows program.
func readSetup(ctx context.Context, f *os.File) (*Facts, error) {
	p, err := pe.NewFile(f)
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, err)
	}
	facts := &Facts{Format: Setup, OS: []string{"windows"}, Arch: peArches(p.Machine)}
	// A program without version information is an ordinary program.
	if fields, err := ask(ctx, "get_file_properties", f.Name()); err == nil {
		facts.Name, facts.Title = fields["ProductName"], fields["ProductName"]
		facts.Vendor, facts.Summary = fields["CompanyName"], fields["FileDescription"]
		if facts.Version = fields["ProductVersion"]; facts.Version == "" {
			facts.Version = fields["FileVersion"]
		}
	}
	maker, err := findMaker(f, p)
	if err != nil {
		return nil, err
	}
	facts.Maker, facts.Silent, facts.Key = maker.name, maker.silent, maker.key
	return facts, nil
}

func peArches(machine uint16) []string {
	switch machine {
	case pe.IMAGE_FILE_MACHINE_AMD64:
		return []string{"amd64"}
	case pe.IMAGE_FILE_MACHINE_ARM64:
		return []string{"arm64"}
	}
	return []string{"amd64", "386"}
}

// A maker is a tool that makes setup programs.
type maker struct {
	name   string
	silent string   // the switches against questions
	key    string   // under which it usually registers the product
	marks  [][]byte // any of these stands in its programs
}

var makers = []*maker{
	{"Inno Setup", "/VERYSILENT /SUPPRESSMSGBOXES /NORESTART /SP-", product + "_is1",
		[][]byte{[]byte("Inno Setup Setup Data"), []byte("JR.Inno.Setup")}},
	{"NSIS", "/S", product, [][]byte{[]byte("\xef\xbe\xad\xdeNullsoftInst"), []byte("Nullsoft.NSIS.exehead")}},
	{"InstallShield", `/s /v"/qn /norestart"`, product, [][]byte{[]byte("InstallShield"), wide("InstallShield")}},
	{"Wise", "/s", product, [][]byte{[]byte("WiseMain"), []byte("Wise Installation")}},
}

// unknown is what most setup programs of unknown making take.
var unknown = &maker{silent: "/S", key: product}

// burn is the setup program of WiX, known by a section of its own.
var burn = &maker{name: "WiX burn", silent: "/quiet /norestart", key: product}

// maxScan bounds how much of a program is searched. The marks stand in the part
// that runs, which is small; what it installs lies behind.
const maxScan = 32 << 20

func findMaker(f *os.File, p *pe.File) (*maker, error) {
	if p.Section(".wixburn") != nil {
		return burn, nil
	}
	data, err := io.ReadAll(io.NewSectionReader(f, 0, maxScan))
	if err != nil {
		return nil, err
	}
	for _, m := range makers {
		for _, mark := range m.marks {
			if bytes.Contains(data, mark) {
				return m, nil
			}
		}
	}
	return unknown, nil
}

// wide is s in UTF-16, little-endian.
func wide(s string) []byte {
	var b []byte
	for i := range len(s) {
		b = append(b, s[i], 0)
	}
	return b
}
