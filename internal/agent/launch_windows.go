package agent

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"unsafe"

	"golang.org/x/sys/windows"
)

func apart(*exec.Cmd) {}

func killAll(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// exitAnother is how a version ends that wants another one started.
const exitAnother = 75

// BecomeProgram runs the program for this one, which waits: Windows has no other
// way. It returns [ErrAnother] when the program wants another version started. When ctx
// ends, or this program does, so do the program and all that it started.
func BecomeProgram(ctx context.Context, program string, args []string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	job, err := bind(cmd.Process.Pid)
	if err == nil {
		defer windows.CloseHandle(job)
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return nil // the service was stopped
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if exit.ExitCode() == exitAnother {
			return ErrAnother
		}
		os.Exit(exit.ExitCode())
	}
	return err
}

// bind has the system end a process, and what it starts, when the handle is closed: also
// where nobody closes it, because this program was ended.
func bind(pid int) (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, err
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE}}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err == nil {
		err = assign(job, pid)
	}
	if err != nil {
		windows.CloseHandle(job)
		return 0, err
	}
	return job, nil
}

func assign(job windows.Handle, pid int) error {
	p, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(p)
	return windows.AssignProcessToJobObject(job, p)
}

// HandBack has the launcher, which waits for this process, choose again.
func HandBack(string, []string) error {
	os.Exit(exitAnother)
	return nil
}
