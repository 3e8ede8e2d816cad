package script

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"go.starlark.net/starlark"
)

// Codes with which Windows installers say that all went well but the machine
// must be restarted, later or at once.
const (
	rebootRequired  = 3010
	rebootInitiated = 1641
)

const runParams = "command, cwd=\"\", env={}, timeout=300, accept_returncodes=[0, 3010, 1641], accept=[], shell=False, input=\"\""

var programHelpers = []Helper{
	{
		Name: "run", Params: runParams, Summary: "run a program; returns its output",
		Text: "The command is a list, or a line that is split as a shell does, without one: pipes and variables need shell=True. " +
			"Output and errors are returned together. Another return code than those accepted, or no end within timeout seconds, fails the hook; " +
			"the program is killed with all that it started. 3010 and 1641 note that a restart is needed. accept adds to the codes accepted.",
		Example: "print(run(\"echo hello | sort\", shell = True, timeout = 20))\n\ndef install():\n    run([\"./setup\", \"--dir\", makepath(root, \"opt/my tool\")])\n    run(\"./configure --quiet\", cwd = \"src\", env = {\"CC\": \"cc\"})",
		WAPT:    "there, a line always runs in a shell",
		fn:      runHelper,
	},
	{
		Name: "run_notfatal", Params: runParams, Summary: "like run, but a failure is only logged",
		Example: "run_notfatal(\"false\")",
		fn:      runNotFatal,
	},
}

// A task is a program to run.
type task struct {
	command starlark.Value
	cwd     string
	env     map[string]string
	timeout time.Duration
	accept  []int
	shell   bool
	input   string
}

func runHelper(c *invocation) (starlark.Value, error) {
	t, err := c.unpackTask()
	if err != nil {
		return nil, err
	}
	out, err := c.execute(t)
	return starlark.String(out), err
}

func runNotFatal(c *invocation) (starlark.Value, error) {
	t, err := c.unpackTask()
	if err != nil {
		return nil, err
	}
	out, err := c.execute(t)
	if err != nil {
		c.logf("not fatal: %v", err)
	}
	return starlark.String(out), nil
}

func (c *invocation) unpackTask() (*task, error) {
	t := &task{accept: []int{0, rebootRequired, rebootInitiated}}
	var env *starlark.Dict
	var codes, more starlark.Iterable
	seconds := starlark.Value(starlark.MakeInt(300))
	err := c.unpack(&t.command, &t.cwd, &env, &seconds, &codes, &more, &t.shell, &t.input)
	if err != nil {
		return nil, err
	}
	if codes != nil {
		if t.accept, err = ints(codes); err != nil {
			return nil, err
		}
	}
	if more != nil {
		added, err := ints(more)
		if err != nil {
			return nil, err
		}
		t.accept = append(t.accept, added...)
	}
	if t.env, err = textDict(env); err != nil {
		return nil, err
	}
	t.timeout, err = duration(seconds)
	return t, err
}

// duration takes seconds, of at most a day.
func duration(v starlark.Value) (time.Duration, error) {
	f, ok := starlark.AsFloat(v)
	if !ok || !(f > 0 && f <= 86400) {
		return 0, fmt.Errorf("a timeout of %s is not between 0 and 86400 seconds", v)
	}
	return time.Duration(f * float64(time.Second)), nil
}

func ints(v starlark.Iterable) ([]int, error) {
	var list []int
	for e := range starlark.Elements(v) {
		i, err := starlark.AsInt32(e)
		if err != nil {
			return nil, fmt.Errorf("return codes: %w", err)
		}
		list = append(list, i)
	}
	return list, nil
}

func textDict(d *starlark.Dict) (map[string]string, error) {
	m := map[string]string{}
	if d == nil {
		return m, nil
	}
	for k, v := range starlark.Entries(d) {
		name, ok1 := starlark.AsString(k)
		value, ok2 := starlark.AsString(v)
		if !ok1 || !ok2 || name == "" || strings.ContainsAny(name, "=\x00") {
			return nil, fmt.Errorf("env: %s = %s is no variable", k, v)
		}
		m[name] = value
	}
	return m, nil
}

// command makes the exec.Cmd of t.
func (t *task) build() (*exec.Cmd, error) {
	line, isLine := starlark.AsString(t.command)
	switch {
	case isLine && strings.TrimSpace(line) == "":
		return nil, errors.New("empty command")
	case isLine && t.shell:
		return shellCommand(line), nil
	case isLine:
		return lineCommand(line)
	}
	words, err := textList(t.command)
	if err == nil && len(words) == 0 {
		err = errors.New("empty command")
	}
	if err != nil {
		return nil, err
	}
	if t.shell {
		return shellCommand(strings.Join(words, " ")), nil
	}
	return exec.Command(localProgram(words[0]), words[1:]...), nil
}

// execute runs t to its end, and returns what it wrote.
func (s *session) execute(t *task) (string, error) {
	cmd, err := t.build()
	if err != nil {
		return "", err
	}
	out := newOutput(s.req.Output, s.to)
	cmd.Dir, cmd.Env = t.cwd, os.Environ()
	for _, name := range slices.Sorted(maps.Keys(t.env)) {
		cmd.Env = append(cmd.Env, name+"="+t.env[name])
	}
	cmd.Stdout, cmd.Stderr = out, out
	if t.input != "" {
		cmd.Stdin = strings.NewReader(t.input)
	}
	// A daemon that keeps the pipe open does not hold up the script.
	cmd.WaitDelay = 500 * time.Millisecond
	s.logf("+ %s", quoteWords(cmd.Args))
	err = s.supervise(cmd, t.timeout)
	text, _ := out.bytes()
	return string(text), s.judge(cmd, t, err)
}

// errTimeout is why a program was killed.
var errTimeout = errors.New("timeout")

// supervise starts cmd and waits for it, the timeout, or the end of the script.
func (s *session) supervise(cmd *exec.Cmd, timeout time.Duration) error {
	setApartProgram(cmd)
	if err := startProgram(cmd); err != nil {
		return err
	}
	guard := new(programGuard)
	if err := guard.hold(cmd.Process); err != nil {
		_ = cmd.Process.Kill()
	}
	s.program.Store(guard)
	defer s.program.Store(nil)
	defer guard.release()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		s.end(guard, done)
		return errTimeout
	case <-s.stopped:
		s.end(guard, done)
		return errors.New("stopped")
	}
}

// programGrace is between TERM and KILL.
const programGrace = time.Second

// end asks a program to end, and kills it if it does not.
func (s *session) end(guard *programGuard, done chan error) {
	guard.terminate()
	select {
	case <-done:
		guard.kill() // what it started may not have heard
	case <-time.After(programGrace):
		guard.kill()
		<-done
	}
}

func (s *session) killProgram() {
	if guard := s.program.Load(); guard != nil {
		guard.kill()
	}
}

// judge turns the end of a program into the end of run.
func (s *session) judge(cmd *exec.Cmd, t *task, err error) error {
	name := cmd.Args[0]
	switch {
	case errors.Is(err, errTimeout):
		return fmt.Errorf("%q did not end within %s and was killed", name, t.timeout)
	case cmd.ProcessState == nil:
		return fmt.Errorf("cannot run %q: %w", name, err)
	}
	return s.accept(name, cmd.ProcessState.ExitCode(), t.accept, cmd.ProcessState.String())
}

// accept judges a return code, and notes that a restart is needed.
func (s *session) accept(name string, code int, accepted []int, state string) error {
	if !slices.Contains(accepted, code) {
		return fmt.Errorf("%q ended with %s", name, state)
	}
	if code == rebootRequired || code == rebootInitiated {
		s.reboot = true
		s.logf("a restart is needed (code %d)", code)
	}
	return nil
}

// lookPath is the path of a program, or "".
func lookPath(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// checkWord refuses what a program could take for an option or a path in the
// place of a name. No shell sees it.
func checkWord(name string) error {
	if name == "" || name[0] == '-' || strings.ContainsAny(name, "\n\r\x00/\\") {
		return fmt.Errorf("%q is no name", name)
	}
	return nil
}
