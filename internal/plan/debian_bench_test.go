package plan

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"muster/control"
	"muster/internal/testneed"
)

// debianText is what the lists of apt on this machine offer. They are read as
// they stand: apt-cache would mix in what is installed.
var debianText = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "muster-apt")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	options, err := aptOptions(dir)
	if err != nil {
		return "", err
	}
	lists, err := exec.Command("apt-get", append(options,
		"indextargets", "--format", "$(FILENAME)", "Identifier: Packages")...).Output()
	if err != nil {
		return "", err
	}
	// It unpacks whatever apt keeps lists in.
	text, err := exec.Command("/usr/lib/apt/apt-helper",
		append([]string{"cat-file"}, strings.Fields(string(lists))...)...).Output()
	return string(text), err
})

// aptOptions let apt work in dir, on a machine of amd64 with nothing installed,
// and keep its caches there.
func aptOptions(dir string) ([]string, error) {
	status := filepath.Join(dir, "status") // a file, for apt rebuilds its cache over a device
	return []string{
		"-o", "Dir::State::status=" + status, "-o", "Dir::Cache=" + dir,
		"-o", "Dir::Cache::pkgcache=pkgcache.bin", "-o", "Dir::Cache::srcpkgcache=srcpkgcache.bin",
		"-o", "APT::Architecture=amd64", "-o", "APT::Architectures=amd64",
	}, os.WriteFile(status, nil, 0o644)
}

// debianIndex returns that index, or skips the test without one.
func debianIndex(t testing.TB) string {
	t.Helper()
	testneed.Program(t, "apt-get")
	text, err := debianText()
	if err != nil || len(text) < 1<<20 {
		testneed.Missing(t, "index of Debian's packages; run 'apt-get update'")
	}
	return text
}

func debianPool(t testing.TB) *Pool {
	t.Helper()
	packages, err := ReadDebian(debianIndex(t), "amd64")
	if err != nil {
		t.Fatal(err)
	}
	return NewPool(DebianRules(), packages)
}

var desktop = []control.Relation{{Name: "gnome"}, {Name: "libreoffice"}, {Name: "texlive-full"}}

func BenchmarkParseDebian(b *testing.B) {
	text := debianIndex(b)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		packages, err := ReadDebian(text, "amd64")
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(packages)), "packages")
	}
}

func BenchmarkPoolDebian(b *testing.B) {
	packages, err := ReadDebian(debianIndex(b), "amd64")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		NewPool(DebianRules(), packages)
	}
}

func BenchmarkPlanDesktop(b *testing.B) {
	p := Problem{Pool: debianPool(b), Request: Request{Install: desktop}}
	for b.Loop() {
		plan, err := Solve(p)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(plan.Steps)), "steps")
	}
}

// BenchmarkUpgrade300 upgrades a desktop of which 300 packages are one version behind.
func BenchmarkUpgrade300(b *testing.B) {
	p := upgrade300(b)
	for b.Loop() {
		plan, err := Solve(p)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(plan.Steps)), "steps")
	}
}

func upgrade300(t testing.TB) Problem {
	p := Problem{Pool: debianPool(t), Request: Request{Install: desktop}}
	plan, err := Solve(p)
	if err != nil {
		t.Fatal(err)
	}
	p.State = plan.After(p.State)
	every := len(p.State.Installed) / 300
	for i := range 300 {
		in := &p.State.Installed[i*every]
		in.Version += "~old"
	}
	p.Request = Request{UpgradeAll: true}
	return p
}

func TestDesktop(t *testing.T) {
	p := Problem{Pool: debianPool(t), Request: Request{Install: desktop}}
	plan, err := Solve(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(p, plan); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d steps, %d cycles, longest %d", len(plan.Steps), len(plan.Cycles), longest(plan.Cycles))
	up := upgrade300(t)
	plan, err = Solve(up)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(up, plan); err != nil {
		t.Fatal(err)
	}
	t.Logf("upgrade: %d steps, proved %v", len(plan.Steps), plan.Proved)
}

func longest(cycles [][]string) int {
	n := 0
	for _, c := range cycles {
		n = max(n, len(c))
	}
	return n
}
