package script

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// kernelBoundsMemory: see guard.
const kernelBoundsMemory = true

// setApart keeps the child's console, if any, to itself.
func setApart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NO_WINDOW}
}

func setApartProgram(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.HideWindow = true
}

// A job is a Windows job object: processes, with all that they start, which
// have limits in common and are killed together.
type job struct{ handle windows.Handle }

func newJob(flags uint32, memory int64) (*job, error) {
	h, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, os.NewSyscallError("CreateJobObject", err)
	}
	j := &job{h}
	if err := j.limit(flags, memory); err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

func (j *job) limit(flags uint32, memory int64) error {
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{ProcessMemoryLimit: uintptr(memory)}
	info.BasicLimitInformation.LimitFlags = flags
	_, err := windows.SetInformationJobObject(j.handle, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	return os.NewSyscallError("SetInformationJobObject", err)
}

func (j *job) add(p *os.Process) error {
	h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(p.Pid))
	if err != nil {
		return os.NewSyscallError("OpenProcess", err)
	}
	defer windows.CloseHandle(h)
	return os.NewSyscallError("AssignProcessToJobObject", windows.AssignProcessToJobObject(j.handle, h))
}

func (j *job) terminate() { _ = windows.TerminateJobObject(j.handle, 1) }

func (j *job) close() { _ = windows.CloseHandle(j.handle) }

// A guard holds the child in two nested jobs. The outer one has everything the
// script starts, and dies with the parent; the inner one, which programs leave
// on their own, bounds the memory of the interpreter.
type guard struct{ all, memory *job }

func (g *guard) hold(child *os.Process, memory int64) (err error) {
	defer func() {
		if err != nil {
			g.release()
		}
	}()
	if g.all, err = newJob(windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, 0); err != nil {
		return err
	}
	if err := g.all.add(child); err != nil {
		return err
	}
	const flags = windows.JOB_OBJECT_LIMIT_PROCESS_MEMORY | windows.JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK
	if g.memory, err = newJob(flags, hardLimit(memory)); err != nil {
		return err
	}
	return g.memory.add(child)
}

func (g *guard) kill(*os.Process) { g.all.terminate() }

// release lets what a successful script left running live on: an installer may
// have started the program that it installed.
func (g *guard) release() {
	if g.all != nil {
		_ = g.all.limit(0, 0)
		g.all.close()
	}
	if g.memory != nil {
		g.memory.close()
	}
}

func residentSize(int) (int64, error) { return 0, errors.ErrUnsupported }

func becomeReaper() {}

func limitMemory(int64) error { return nil } // the parent does it

func startProgram(cmd *exec.Cmd) error { return cmd.Start() }

func outliveTerm(func(why string)) {}

// A programGuard bounds a program that a script runs, in a job inside the
// script's. What the program starts in the moment before hold is in the outer
// job only.
type programGuard struct{ job *job }

func (g *programGuard) hold(p *os.Process) (err error) {
	if g.job, err = newJob(0, 0); err != nil {
		return err
	}
	return g.job.add(p)
}

func (g *programGuard) release() {
	if g.job != nil {
		g.job.close()
	}
}

// terminate is kill: there is no TERM.
func (g *programGuard) terminate() { g.kill() }

func (g *programGuard) kill() {
	if g.job != nil {
		g.job.terminate()
	}
}

func shellCommand(line string) *exec.Cmd {
	shell := os.Getenv("ComSpec")
	if shell == "" {
		shell = `C:\Windows\System32\cmd.exe`
	}
	cmd := exec.Command(shell)
	// cmd.exe takes the outer quotes away and the rest as it stands.
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `"` + shell + `" /d /s /c "` + line + `"`}
	return cmd
}

// lineCommand finds the program in line and passes the line on as it stands,
// because every Windows program splits its command line in its own way:
// msiexec wants quotes inside of words.
func lineCommand(line string) (*exec.Cmd, error) {
	words, err := splitWindowsLine(line)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(localProgram(words[0]), words[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: line}
	return cmd, nil
}

// localProgram finds a program in the working folder, where a package's
// installer lies; Go does not look there unless told to.
func localProgram(name string) string {
	if strings.ContainsAny(name, `/\:`) {
		return name
	}
	if full, err := filepath.Abs(name); err == nil {
		if _, err := exec.LookPath(full); err == nil {
			return full
		}
	}
	return name
}

// systemLanguage is the language of the account's menus.
func systemLanguage() string {
	const names = 0x8 // MUI_LANGUAGE_NAME
	langs, err := windows.GetUserPreferredUILanguages(names)
	if err != nil || len(langs) == 0 || len(langs[0]) < 2 {
		return "en"
	}
	return strings.ToLower(langs[0][:2])
}
