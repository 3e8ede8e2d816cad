package version

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var orders = map[string]Order{
	"dpkg": Dpkg, "rpm": RPM, "apk": APK, "pkgsrc": Pkgsrc, "freebsd": FreeBSD, "windows": Windows, "arch": Arch,
}

// pair is two versions and the sign that a source states of them.
type pair struct {
	order, a, b string
	want        int
}

func sign(c int) int { return cmp.Compare(c, 0) }

// lines returns the lines of a file without comments and empty ones.
func lines(t testing.TB, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := s.Text(); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

// vectors reads testdata/order.txt into pairs: every two versions of a chain.
func vectors(t testing.TB) []pair {
	var pairs []pair
	for _, line := range lines(t, "testdata/order.txt") {
		fields := strings.Fields(line)
		name, chain := fields[0], fields[1:]
		for i := 0; i < len(chain); i += 2 {
			want := 0
			for j := i + 2; j < len(chain); j += 2 {
				switch chain[j-1] {
				case "<":
					want = -1
				case "=":
				default:
					t.Fatalf("line %q: sign %q", line, chain[j-1])
				}
				pairs = append(pairs, pair{name, chain[i], chain[j], want})
			}
		}
	}
	return pairs
}

func TestVectors(t *testing.T) {
	seen := map[string]int{}
	for _, p := range vectors(t) {
		order, ok := orders[p.order]
		if !ok {
			t.Fatalf("no order %q", p.order)
		}
		seen[p.order]++
		if got := sign(order(p.a, p.b)); got != p.want {
			t.Errorf("%s: %s ? %s: got %d, want %d", p.order, p.a, p.b, got, p.want)
		}
		if got := sign(order(p.b, p.a)); got != -p.want {
			t.Errorf("%s: %s ? %s: got %d, want %d", p.order, p.b, p.a, got, -p.want)
		}
	}
	for name := range orders {
		if seen[name] == 0 {
			t.Errorf("no vectors for order %q", name)
		}
	}
}

// TestVectorsInManual keeps docs/formats/version.md, which a second
// implementation is written from, in step with the vectors tested here.
func TestVectorsInManual(t *testing.T) {
	manual := lines(t, "../docs/formats/version.md")
	for _, path := range []string{"testdata/order.txt", "testdata/constraint.txt"} {
		for _, line := range lines(t, path) {
			if !slices.Contains(manual, line) {
				t.Errorf("docs/formats/version.md lacks the vector %q of %s", line, path)
			}
		}
	}
}

// TestOrdersSortDebian sorts real versions by every order and checks that the
// result is in order pair by pair, which fails where an order is not transitive.
func TestOrdersSortDebian(t *testing.T) {
	for name, order := range orders {
		list := shuffled(lines(t, "testdata/debian.txt"))[:600]
		slices.SortFunc(list, order)
		for i, a := range list {
			for _, b := range list[i+1:] {
				if order(a, b) > 0 {
					t.Fatalf("%s: sorted %q before %q, but it compares after", name, a, b)
				}
			}
		}
	}
}

func TestWindowsStrings(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"6.1.7601.17514 (win7sp1_rtm.101119-1850)", "6.1.7601.17514", 0},
		{"1, 0, 0, 1", "1.0.0.1", 0},
		{"1 . 2", "1.2", 0},
		{"Version 5.1", "5.2", -1},
		{"", "0.0", 0},
		{"none", "0.1", -1},
		{"2024.1 Update 3", "2024.1", 0},
	} {
		if got := Windows(c.a, c.b); sign(got) != c.want {
			t.Errorf("Windows(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func BenchmarkCompare(b *testing.B) { benchmark(b, Compare) }
func BenchmarkRPM(b *testing.B)     { benchmark(b, RPM) }
func BenchmarkAPK(b *testing.B)     { benchmark(b, APK) }
func BenchmarkPkgsrc(b *testing.B)  { benchmark(b, Pkgsrc) }
func BenchmarkFreeBSD(b *testing.B) { benchmark(b, FreeBSD) }
func BenchmarkWindows(b *testing.B) { benchmark(b, Windows) }
func BenchmarkSortDebian(b *testing.B) {
	list := shuffled(lines(b, "testdata/debian.txt"))
	b.ReportMetric(float64(len(list)), "versions")
	for b.Loop() {
		slices.SortFunc(slices.Clone(list), Compare)
	}
}

// benchmark compares neighbours of the sorted real versions: they begin alike,
// as the versions of one package do.
func benchmark(b *testing.B, order Order) {
	list := lines(b, "testdata/debian.txt")
	slices.SortFunc(list, order)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		order(list[i], list[i+1])
		i = (i + 1) % (len(list) - 1)
	}
}

func ExampleCompare() {
	list := []string{"1.0", "1.0-1", "1.0~rc1", "1:0.9", "1.10", "1.9"}
	slices.SortFunc(list, Compare)
	fmt.Println(list)
	// Output: [1.0~rc1 1.0 1.0-1 1.9 1.10 1:0.9]
}
