package testneed

import (
	"flag"
	"os"
)

// InMemory has all temporary files of a test binary lie in memory ([Memory]). It is for
// TestMain.
func InMemory() {
	os.Setenv("TMPDIR", Memory()) //nolint:errcheck // then they are where they were
}

// Memory returns a folder in which syncs cost nothing: those of the programs under test are
// made, and thousands of them would wait for the disk, but no test cuts the power of the
// machine that it runs on. It is the folder of temporary files where there is no such
// folder, or a small one; where TMPDIR asks for another; and for benchmarks, whose disk is
// what they measure.
func Memory() string {
	if !flag.Parsed() {
		flag.Parse()
	}
	bench := flag.Lookup("test.bench")
	if os.Getenv("TMPDIR") != "" || bench != nil && bench.Value.String() != "" || !roomy(memory) {
		return os.TempDir()
	}
	return memory
}
