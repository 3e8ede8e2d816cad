package agent

import (
	"errors"
	"os"
	"os/exec"
)

func apart(*exec.Cmd) {}

func killAll(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// exitAnother is how a version ends that wants another one started.
const exitAnother = 75

// BecomeProgram runs the program for this one, which waits: Windows has no other
// way. It returns [ErrAnother] when the program wants another version started.
func BecomeProgram(program string, args []string) error {
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if exit.ExitCode() == exitAnother {
			return ErrAnother
		}
		os.Exit(exit.ExitCode())
	}
	return err
}

// HandBack has the launcher, which waits for this process, choose again.
func HandBack(string, []string) error {
	os.Exit(exitAnother)
	return nil
}
