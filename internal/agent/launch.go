package agent

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"muster"
)

// wellLine is what a version on trial writes to its standard output.
const wellLine = "well"

// SayWell says so to the launcher that tries this version.
func SayWell(out io.Writer) { fmt.Fprintln(out, wellLine) }

// TryProgram starts a version of the agent with args and waits until it says that
// it is well. Then, or when the time is over, it is ended.
func TryProgram(ctx context.Context, program string, args []string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	apart(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("it cannot be started: %w", err)
	}
	said := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if lines.Text() == wellLine {
				said <- true
				break
			}
		}
		close(said)
		io.Copy(io.Discard, out)
	}()
	select {
	case ok := <-said:
		if ok {
			end(cmd)
			return nil
		}
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("it ended: %w", err)
		}
		return muster.Errorf(muster.Invalid, "it ended without a word")
	case <-ctx.Done():
		killAll(cmd)
		cmd.Wait()
		return muster.Errorf(muster.Invalid, "it did not tell within %s that it is well", patience)
	}
}

// end asks a program to end, and does not ask a second time.
func end(cmd *exec.Cmd) {
	interrupt(cmd.Process)
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		killAll(cmd)
		<-ended
	}
}
