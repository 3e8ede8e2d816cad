package advisory

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"muster/internal/testneed"
	"muster/sitereport"
)

// TestOscapDpkg asks OpenSCAP whether definitions are so on this machine, and
// holds what OVAL reads of them against the same packages. The definitions are
// made of the packages that are installed here and of versions near theirs. The
// seed is fixed: a failure can be repeated.
func TestOscapDpkg(t *testing.T) {
	oscap := testneed.Program(t, "oscap")
	query := testneed.Program(t, "dpkg-query")
	if os.Getenv("MUSTER_TEST_FULL") != "1" {
		t.Skip("OpenSCAP takes 20 s to read what apt knows: MUSTER_TEST_FULL=1 waits for it")
	}
	w := ovalWriter{r: rand.New(rand.NewPCG(5, 6)), probe: "dpkginfo", release: releaseHere(t), packages: installedHere(t, query), ids: map[string]int{}}
	for range 60 {
		w.definition()
	}
	w.compare(t, exec.Command(oscap), platform(t, "debian", w.release))
}

// TestOscapRPM does the same with packages that are made for it.
func TestOscapRPM(t *testing.T) {
	oscap := testneed.Program(t, "oscap")
	home, packages := installedRPM(t, testneed.Program(t, "rpmbuild"), testneed.Program(t, "rpm"))
	w := ovalWriter{r: rand.New(rand.NewPCG(7, 8)), probe: "rpminfo", release: "8", packages: packages, ids: map[string]int{}}
	for range 150 {
		w.definition()
	}
	c := exec.Command(oscap)
	c.Env = append(os.Environ(), "HOME="+home)
	w.compare(t, c, platform(t, "redhat", "8"))
}

// installedRPM makes packages and a database that has them, and returns a home
// whose macros lead there.
func installedRPM(t *testing.T, rpmbuild, rpm string) (home string, list []sitereport.Package) {
	t.Helper()
	home = t.TempDir()
	var spec strings.Builder
	spec.WriteString("Name: redhat-release\nVersion: 8.10\nRelease: 0.3.el8\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%description\nx\n%files\n")
	for i, evr := range []string{
		"1:2.12-7.el8_10", "2.0~rc1-1.el8", "2.0^git1-3.el8", "1.0.2k-26.el8", "0.1-0", "4.18.0-553.22.1.el8_10", "10.0001-1", "2024a-1.el8",
		"3.6.8-62.el8_10", "1.1.1k-14.el8_6", "5.5p10-2", "2_0-1.el8", "20190904-2", "1:1.0-1.fc17", "7.61.1-34.el8_10.3", "1.0a-1", "1.0.a1-1b",
	} {
		name := fmt.Sprintf("pack%d", i)
		list = append(list, sitereport.Package{Manager: "rpm", Name: name, Version: evr, Arch: "noarch"})
		rest := withoutEpoch(evr)
		version, release, _ := strings.Cut(rest, "-")
		fmt.Fprintf(&spec, "%%package -n %s\nVersion: %s\nRelease: %s\nSummary: x\n", name, version, release)
		if rest != evr {
			fmt.Fprintf(&spec, "Epoch: %s\n", strings.TrimSuffix(evr, ":"+rest))
		}
		fmt.Fprintf(&spec, "%%description -n %s\nx\n%%files -n %s\n", name, name)
	}
	for name, text := range map[string]string{".rpmmacros": "%_dbpath " + home + "/db\n%_topdir " + home + "/top\n", "packages.spec": spec.String()} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(program string, args ...string) {
		c := exec.Command(program, args...)
		c.Dir, c.Env = home, append(os.Environ(), "HOME="+home)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", c, err, out)
		}
	}
	run(rpmbuild, "-bb", "packages.spec")
	run(rpm, "--initdb")
	files, err := filepath.Glob(home + "/top/RPMS/noarch/*.rpm")
	if err != nil || len(files) != len(list)+1 {
		t.Fatalf("%d packages, %v", len(files), err)
	}
	run(rpm, append([]string{"-i", "--justdb", "--nodeps"}, files...)...)
	return home, list
}

// compare evaluates the definitions and holds the answers against rows.
func (w *ovalWriter) compare(t *testing.T, oscap *exec.Cmd, p Platform) {
	t.Helper()
	document := w.document()
	file := filepath.Join(t.TempDir(), "definitions.xml")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	var messages bytes.Buffer
	oscap.Args = append(oscap.Args, "oval", "eval", file)
	oscap.Stderr = &messages
	out, err := oscap.Output()
	if err != nil {
		t.Fatalf("%v: %.1000s", err, messages.String())
	}
	got, err := importText(OVAL, "definitions.xml", string(document))
	if err != nil {
		t.Fatal(err)
	}
	w.answers(t, out, got, p)
}

// answers holds the answers of OpenSCAP against rows. A definition that was
// skipped, because no row can say it, is not compared.
func (w *ovalWriter) answers(t *testing.T, out []byte, got imported, p Platform) {
	t.Helper()
	found := map[string]bool{}
	x := indexOf(got.all...)
	for _, pkg := range w.packages {
		x.Match(p, pkg, func(f Finding) { found[f.Advisory.ID] = true })
	}
	skipped := strings.Join(got.skipped, "\n")
	yes, no, left := 0, 0, 0
	for _, m := range regexp.MustCompile(`(?m)^Definition (oval:muster:def:[0-9]+): (true|false)$`).FindAllStringSubmatch(string(out), -1) {
		switch {
		case m[1] == inventory:
			continue
		case strings.Contains(skipped, m[1]+":"):
			left++
			continue
		case m[2] == "true":
			yes++
		default:
			no++
		}
		if want := m[2] == "true"; found[m[1]] != want {
			t.Errorf("%s: OpenSCAP says %v; the rows are\n%s", m[1], want, rowsOf(got, m[1]))
		}
	}
	t.Logf("%d so, %d not so, %d that no row can say", yes, no, left)
	if all := w.ids["def"]; yes < all/5 || no < all/5 || left > all/3 {
		t.Error("too few that can be compared")
	}
}

func rowsOf(got imported, id string) string {
	var b bytes.Buffer
	for _, a := range got.all {
		if a.ID == id {
			showAdvisory(&b, a)
		}
	}
	return b.String()
}

// inventory is the definition that others extend.
const inventory = "oval:muster:def:99999"

// releaseHere is the release of this machine.
func releaseHere(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("/etc/debian_version")
	release, _, ok := strings.Cut(string(data), ".")
	if err != nil || !ok {
		testneed.Missing(t, "a release of Debian")
	}
	return release
}

// installedHere are the packages of this machine.
func installedHere(t *testing.T, query string) (list []sitereport.Package) {
	t.Helper()
	out, err := exec.Command(query, "-W", "-f", "${db:Status-Abbrev} ${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) == 6 && f[0] == "ii" {
			list = append(list, sitereport.Package{Manager: "dpkg", Name: f[1], Version: f[2], Arch: f[3], Source: f[4], SourceVersion: f[5]})
		}
	}
	if len(list) < 50 {
		t.Fatalf("only %d packages are installed", len(list))
	}
	return list
}

// An ovalWriter makes definitions about packages.
type ovalWriter struct {
	r                                              *rand.Rand
	probe                                          string // dpkginfo or rpminfo
	release                                        string
	packages                                       []sitereport.Package
	definitions, tests, objects, states, variables bytes.Buffer
	ids                                            map[string]int
}

func (w *ovalWriter) id(kind string) string {
	w.ids[kind]++
	return fmt.Sprintf("oval:muster:%s:%d", kind, w.ids[kind])
}

// definition writes one, as publishers do: a release, and of it packages.
func (w *ovalWriter) definition() {
	id := w.id("def")
	fmt.Fprintf(&w.definitions, `<definition class="vulnerability" id="%s" version="1"><metadata><title>%s</title><description/></metadata>`, id, id)
	switch w.r.IntN(5) {
	case 0:
		fmt.Fprintf(&w.definitions, `<criteria operator="OR"><criteria>%s%s</criteria><criteria>%s%s</criteria></criteria>`,
			w.system("10"), w.some(), w.system(w.release), w.some())
	case 1:
		fmt.Fprintf(&w.definitions, `<criteria><extend_definition definition_ref="oval:muster:def:99999"/>%s</criteria>`, w.some())
	case 2:
		fmt.Fprintf(&w.definitions, `<criteria>%s<criteria operator="OR">%s%s</criteria></criteria>`, w.some(), w.system("10"), w.system(w.release))
	case 3: // two bounds of one package
		pkg := w.pick()
		fmt.Fprintf(&w.definitions, `<criteria>%s%s%s</criteria>`, w.system(w.release),
			w.test(w.name(pkg.Name), w.bound("greater than or equal", w.near(pkg.Version))), w.test(w.name(pkg.Name), w.bound("less than", w.near(pkg.Version))))
	default:
		fmt.Fprintf(&w.definitions, `<criteria operator="AND">%s%s</criteria>`, w.system(w.release), w.some())
	}
	w.definitions.WriteString("</definition>\n")
}

func (w *ovalWriter) pick() sitereport.Package { return w.packages[w.r.IntN(len(w.packages))] }

// near is a version, changed in up to two places.
func (w *ovalWriter) near(version string) string {
	alphabet, stays := "0019a~+.", 1
	if w.probe == "rpminfo" {
		alphabet, stays = "0019a~^.", 0
	}
	epoch, rest, ok := strings.Cut(version, ":")
	if !ok {
		epoch, rest = "0", version
	}
	for range w.r.IntN(3) {
		i := 1 + w.r.IntN(len(rest)-1)
		rest = rest[:i] + string(alphabet[w.r.IntN(len(alphabet))]) + rest[i:]
	}
	if (stays == 1 || ok) && w.r.IntN(10) == 0 { // a bound of rpm has the epoch of what is installed
		epoch = "7"
	}
	return epoch + ":" + rest
}

// some is one to three packages, any of them.
func (w *ovalWriter) some() string {
	var b strings.Builder
	b.WriteString(`<criteria operator="OR">`)
	for range 1 + w.r.IntN(3) {
		pkg := w.pick()
		operations := []string{"less than", "less than", "less than or equal", "equals", "greater than", "greater than or equal"}
		state := w.bound(operations[w.r.IntN(len(operations))], w.near(pkg.Version))
		switch w.r.IntN(8) {
		case 0:
			b.WriteString(w.test(w.name(pkg.Name), "")) // in any version
		case 1:
			b.WriteString(w.test(w.name("not-installed-"+pkg.Name), state))
		case 2:
			b.WriteString(w.test(w.named(pkg.Name, w.pick().Name), state))
		case 6:
			b.WriteString(w.test(w.pattern(pkg.Name), state))
		case 3:
			b.WriteString(w.test(w.name(pkg.Name), w.bound("equals", w.near(pkg.Version))))
		case 4:
			fmt.Fprintf(&b, "<criteria>%s%s</criteria>", w.test(w.name(pkg.Name), state), w.test(w.name(pkg.Name), ""))
		case 5:
			fmt.Fprintf(&b, "<criteria>%s%s</criteria>", w.test(w.name(pkg.Name), state), w.test(w.name(w.pick().Name), "")) // no row can say this
		default:
			b.WriteString(w.test(w.name(pkg.Name), state))
		}
	}
	b.WriteString(`</criteria>`)
	return b.String()
}

func (w *ovalWriter) system(release string) string {
	if w.probe == "rpminfo" {
		id := w.id("ste")
		fmt.Fprintf(&w.states, `<linux:rpminfo_state id="%s" version="1"><linux:version operation="pattern match">^%s[^\d]</linux:version></linux:rpminfo_state>`+"\n", id, release)
		return w.test(w.name("redhat-release"), id)
	}
	test, object, state := w.id("tst"), w.id("obj"), w.id("ste")
	fmt.Fprintf(&w.tests, `<ind:textfilecontent54_test id="%s" check="all" check_existence="at_least_one_exists" version="1" comment="release"><ind:object object_ref="%s"/><ind:state state_ref="%s"/></ind:textfilecontent54_test>`+"\n", test, object, state)
	fmt.Fprintf(&w.objects, `<ind:textfilecontent54_object id="%s" version="1"><ind:path>/etc</ind:path><ind:filename>debian_version</ind:filename><ind:pattern operation="pattern match">(\d+)\.\d</ind:pattern><ind:instance datatype="int">1</ind:instance></ind:textfilecontent54_object>`+"\n", object)
	fmt.Fprintf(&w.states, `<ind:textfilecontent54_state id="%s" version="1"><ind:subexpression operation="equals">%s</ind:subexpression></ind:textfilecontent54_state>`+"\n", state, release)
	return fmt.Sprintf(`<criterion test_ref="%s"/>`, test)
}

// test writes a test of packages and returns its criterion.
func (w *ovalWriter) test(object, state string) string {
	id := w.id("tst")
	fmt.Fprintf(&w.tests, `<linux:@_test id="%s" check="at least one" check_existence="at_least_one_exists" version="1" comment="package"><linux:object object_ref="%s"/>`, id, object)
	if state != "" {
		fmt.Fprintf(&w.tests, `<linux:state state_ref="%s"/>`, state)
	}
	w.tests.WriteString("</linux:@_test>\n")
	return fmt.Sprintf(`<criterion test_ref="%s"/>`, id)
}

func (w *ovalWriter) name(name string) string {
	id := w.id("obj")
	fmt.Fprintf(&w.objects, `<linux:@_object id="%s" version="1"><linux:name>%s</linux:name></linux:@_object>`+"\n", id, name)
	return id
}

// named is an object of the names of a variable.
func (w *ovalWriter) named(names ...string) string {
	id, variable := w.id("obj"), w.id("var")
	fmt.Fprintf(&w.objects, `<linux:@_object id="%s" version="1"><linux:name var_ref="%s" var_check="at least one"/></linux:@_object>`+"\n", id, variable)
	fmt.Fprintf(&w.variables, `<constant_variable id="%s" version="1" datatype="string" comment="names">`, variable)
	for _, name := range names {
		fmt.Fprintf(&w.variables, "<value>%s</value>", name)
	}
	w.variables.WriteString("</constant_variable>\n")
	return id
}

// pattern is an object of a pattern, which the probe of dpkg does not read.
func (w *ovalWriter) pattern(name string) string {
	if w.probe == "dpkginfo" {
		return w.name(name)
	}
	id := w.id("obj")
	fmt.Fprintf(&w.objects, `<linux:rpminfo_object id="%s" version="1"><linux:name operation="pattern match">^(%s|no-such-package)$</linux:name></linux:rpminfo_object>`+"\n", id, name)
	return id
}

func (w *ovalWriter) bound(operation, version string) string {
	id := w.id("ste")
	kind := map[string]string{"dpkginfo": "debian_evr_string", "rpminfo": "evr_string"}[w.probe]
	fmt.Fprintf(&w.states, `<linux:@_state id="%[1]s" version="1"><linux:evr datatype="%[4]s" operation="%[2]s">%[3]s</linux:evr></linux:@_state>`+"\n", id, operation, version, kind)
	return id
}

func (w *ovalWriter) document() []byte {
	system := w.system(w.release)
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5" xmlns:oval="http://oval.mitre.org/XMLSchema/oval-common-5" xmlns:ind="http://oval.mitre.org/XMLSchema/oval-definitions-5#independent" xmlns:linux="http://oval.mitre.org/XMLSchema/oval-definitions-5#linux">
<generator><oval:schema_version>5.11.2</oval:schema_version><oval:timestamp>2026-01-01T00:00:00</oval:timestamp></generator>
<definitions>
<definition class="inventory" id="oval:muster:def:99999" version="1"><metadata><title>release</title><description/></metadata><criteria>` + system + `</criteria></definition>
`)
	b.Write(w.definitions.Bytes())
	fmt.Fprintf(&b, "</definitions>\n<tests>\n%s</tests>\n<objects>\n%s</objects>\n<states>\n%s</states>\n", w.tests.Bytes(), w.objects.Bytes(), w.states.Bytes())
	if w.variables.Len() > 0 {
		fmt.Fprintf(&b, "<variables>\n%s</variables>\n", w.variables.Bytes())
	}
	b.WriteString("</oval_definitions>\n")
	return bytes.ReplaceAll(b.Bytes(), []byte("linux:@_"), []byte("linux:"+w.probe+"_"))
}
