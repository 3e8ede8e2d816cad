package agent

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"muster/internal/testneed"
)

// TestUnit holds the unit against what systemd says of it.
func TestUnit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("systemd is of Linux")
	}
	analyze := testneed.Program(t, "systemd-analyze")
	dir := t.TempDir()
	exe := filepath.Join(dir, "a 50% muster $HOME")
	if err := os.WriteFile(exe, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := Service{Exe: exe, Root: "/"}
	unit := filepath.Join(dir, "muster-agent.service")
	if err := os.WriteFile(unit, []byte(s.Unit()), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "muster-agent") || err != nil {
			t.Errorf("systemd: %s", line)
		}
	}
	for _, want := range []string{`agent run --root "/"`, "Restart=always", "WantedBy=multi-user.target", "TimeoutStopSec=15min", "50%% muster $HOME"} {
		if !strings.Contains(s.Unit(), want) {
			t.Errorf("the unit lacks %q:\n%s", want, s.Unit())
		}
	}
}
