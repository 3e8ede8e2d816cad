// Package testneed lets a test say which real programs it needs. Only tests
// import it.
package testneed

import (
	"os"
	"os/exec"
	"testing"
)

// Program returns the path of the named program. Without it the test is
// skipped, or, where MUSTER_TEST_FULL=1 promises that everything is there, fails.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "program "+name)
	}
	return path
}

// Root skips the test, or fails it as [Program] does, unless it runs as root.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "root privileges")
	}
}

// Missing skips the test for want of what, or fails it where MUSTER_TEST_FULL=1.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("MUSTER_TEST_FULL") == "1" {
		t.Fatalf("MUSTER_TEST_FULL=1, but there is no %s", what)
	}
	t.Skipf("needs %s", what)
}

// Every returns n, or 1 where MUSTER_TEST_FULL=1: a test that is heavy by nature takes
// every n-th of its cases each day, and all of them in the full run.
func Every(n int) int {
	if os.Getenv("MUSTER_TEST_FULL") == "1" {
		return 1
	}
	return n
}
