package muster_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// caseTests reads the tests that docs/faults.md names: package folder and
// function to the numbers of the rows that name it.
func caseTests(t *testing.T) map[string][]int {
	t.Helper()
	data, err := os.ReadFile("docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| (\d+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$`)
	cell := regexp.MustCompile("`([^`]+)`: ((?:Test\\w+(?:, )?)+)")
	named := map[string][]int{}
	for _, m := range row.FindAllStringSubmatch(string(data), -1) {
		number, _ := strconv.Atoi(m[1])
		for _, c := range cell.FindAllStringSubmatch(m[2], -1) {
			for name := range strings.SplitSeq(c[2], ", ") {
				key := c[1] + " " + name
				named[key] = append(named[key], number)
			}
		}
	}
	return named
}

// sourceTests finds every test function of the module.
func sourceTests(t *testing.T) map[string]bool {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	found := map[string]bool{}
	err := filepath.WalkDir(".", func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		data, err := os.ReadFile(name)
		for _, m := range function.FindAllStringSubmatch(string(data), -1) {
			found[filepath.ToSlash(filepath.Dir(name))+" "+m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestFaultsTable holds docs/faults.md against the source: every test that it
// names exists, and every TestCaseNN stands in row NN.
func TestFaultsTable(t *testing.T) {
	named, found := caseTests(t), sourceTests(t)
	rows := map[int]bool{}
	for key, numbers := range named {
		if !found[key] {
			t.Errorf("docs/faults.md names %s, which does not exist", key)
		}
		for _, n := range numbers {
			rows[n] = true
		}
	}
	if len(rows) < 30 {
		t.Errorf("docs/faults.md has tests for %d cases only", len(rows))
	}
	number := regexp.MustCompile(` TestCase(\d\d)`)
	for key := range found {
		m := number.FindStringSubmatch(key)
		if m == nil {
			continue
		}
		if n, _ := strconv.Atoi(m[1]); !slices.Contains(named[key], n) {
			t.Errorf("%s does not stand in row %d of docs/faults.md", key, n)
		}
	}
}
