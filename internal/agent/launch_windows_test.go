package agent

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// TestChild is no test: it is the life of the programs that [TestBecomeProgram] starts.
func TestChild(t *testing.T) {
	dir := os.Getenv("MUSTER_TEST_CHILD")
	if dir == "" {
		t.Skip("started by another test")
	}
	if os.Getenv("MUSTER_TEST_ENDS") != "" {
		os.Exit(exitAnother)
	}
	name := "child"
	if os.Getenv("MUSTER_TEST_GRANDCHILD") != "" {
		name = "grandchild"
	} else {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestChild$")
		cmd.Env = append(os.Environ(), "MUSTER_TEST_GRANDCHILD=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Hour)
}

// waitFor returns the process that wrote its number into a file.
func waitFor(t *testing.T, file string) windows.Handle {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		data, err := os.ReadFile(file)
		if pid, perr := strconv.Atoi(string(data)); err == nil && perr == nil {
			h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { windows.CloseHandle(h) })
			return h
		}
	}
	t.Fatalf("%s never came", file)
	return 0
}

// TestBecomeProgram: when the service is stopped, the agent that its launcher started ends,
// and so does what that has started; and an agent that wants another version started is not
// taken for one that failed.
func TestBecomeProgram(t *testing.T) {
	dir, err := os.MkdirTemp("", "launch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("MUSTER_TEST_CHILD", dir)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- BecomeProgram(ctx, os.Args[0], []string{"-test.run", "^TestChild$"}) }()
	child, grandchild := waitFor(t, filepath.Join(dir, "child")), waitFor(t, filepath.Join(dir, "grandchild"))
	stop()
	if err := <-ended; err != nil {
		t.Errorf("a service that was stopped: %v", err)
	}
	for name, h := range map[string]windows.Handle{"child": child, "grandchild": grandchild} {
		if event, err := windows.WaitForSingleObject(h, 10_000); event != windows.WAIT_OBJECT_0 {
			t.Errorf("the %s goes on: %d %v", name, event, err)
		}
	}
	t.Setenv("MUSTER_TEST_ENDS", "1")
	if err := BecomeProgram(t.Context(), os.Args[0], []string{"-test.run", "^TestChild$"}); !errors.Is(err, ErrAnother) {
		t.Errorf("an agent that wants another: %v", err)
	}
}
