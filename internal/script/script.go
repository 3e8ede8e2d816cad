// Package script runs the actions of a package: the hooks of its actions.star,
// written in Starlark, with the helper library that packagers know.
//
// Start with [Run], which runs one hook in a child process with limits, and
// [Hooks], which says without running anything which hooks a file defines.
// Every program that calls Run must call [Child] first thing in main, and so
// must the TestMain of its tests: the child is the same binary started again.
//
// # Dialect
//
// Starlark with sets, while loops, recursion, control flow at the top level and
// reassigned globals. Hooks take no arguments:
//
//	def install():
//	    mkdirs(makepath(root, "etc/tool"))
//	    run(["./setup", "--quiet"], timeout = 600)
//
// In scope are control, params, root, basedir, persistent_dir, platform, force,
// attempt, old_version, language, user, uninstallkey, the modules os, glob,
// shutil, json and math, and the helpers listed by [Helpers]. There is no try:
// catch(fn, ...) returns a value and an error. There is no load and no network.
//
// # Promise
//
// Whatever a script does, the caller survives in little memory and Run returns
// soon after the wall time: an endless loop, an endless recursion, a list that
// is too large, a program that ignores TERM or writes without end. The limits
// are for accidents: a script with the rights of root is trusted code, which
// only a signature by someone with the code-signing right admits.
//
// Where the promise ends: on Linux every process that a script left behind is
// found at a timeout, even after setsid. On other Unix systems a process that
// left both the session and its group is not. On a system without a kernel
// limit on memory that serves (macOS, FreeBSD) a watchdog inside the child and
// the parent poll instead, and a single huge allocation may take a few GiB for
// a quarter of a second.
//
// Names of hooks, helpers and values in scope are stable: added, never changed.
package script

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"muster"
	"muster/control"
)

// MaxSource bounds the length in bytes of an actions.star file.
const MaxSource = 256 << 10

// HookNames are the functions of an actions.star that muster calls.
var HookNames = []string{
	"build", "update_package", "test",
	"pre_install", "install", "post_install",
	"session_setup", "audit",
	"pre_remove", "uninstall", "post_remove",
}

// RunHook is the function of a script that somebody signs for hosts to run once,
// apart from any package.
const RunHook = "main"

// A HostFunc is a function that a script calls and the parent answers, such as
// fetch in a recipe. Values are nil, bool, int64, float64, string, []any and
// map[string]any; a result may also hold int, []string and map[string]string.
// It must return soon after ctx is done.
type HostFunc func(ctx context.Context, args []any, kwargs map[string]any) (any, error)

// A Request is one hook to run.
type Request struct {
	File   string // name for backtraces, such as "age 1.3.1: actions.star"
	Source []byte
	Hook   string // one of HookNames, or RunHook

	Control       *control.Control
	OldVersion    string // version being replaced, "" if none
	Params        map[string]string
	Root          string // where muster installs
	BaseDir       string // working folder: unpacked payload, or the build folder; "" is an empty folder
	PersistentDir string
	Platform      muster.Platform // the zero value is this platform
	Force         bool
	Attempt       int  // 1 at first; a hook that was cut short runs again with 2
	Area          bool // a root without privileges: no owners, no system services

	// Env holds variables ("NAME=value") on top of the scrubbed environment.
	Env    []string
	Limits Limits
	Host   map[string]HostFunc
	Log    io.Writer // receives output as it comes; nil is nowhere
}

// Limits bound one run. Zero values are the defaults.
type Limits struct {
	Wall   time.Duration // default 5 min; 1 h for build, update_package and test
	Grace  time.Duration // between the request to end and the kill; default 3 s
	Memory int64         // bytes of live values of the script, not of the programs it runs; default 512 MiB
	Output int           // bytes of output kept, head and tail; default 1 MiB
}

// A Result is what a hook did. Run returns one with an error too, whenever the
// child was started, because the output matters most then.
type Result struct {
	Value     any // what the hook returned, in the values of HostFunc
	Output    []byte
	Truncated bool // Output lacks its middle
	Duration  time.Duration
	// ExitReboot reports that a program asked for a reboot (3010 or 1641).
	ExitReboot bool
	// UninstallKeys are the registry keys that the script declared.
	UninstallKeys []string
	// AuditData is what write_audit_data recorded, by section and key.
	AuditData map[string]any
}

// check reports what of r cannot be run.
func (r *Request) check() error {
	if r.Hook != RunHook && !slices.Contains(HookNames, r.Hook) {
		return muster.Errorf(muster.Invalid, "%q is no hook", r.Hook)
	}
	if len(r.Source) > MaxSource {
		return tooLong(r.File, r.Source)
	}
	return nil
}

func tooLong(file string, source []byte) error {
	return muster.Errorf(muster.Invalid, "%s: %d bytes, more than %d", file, len(source), MaxSource)
}

// withDefaults returns r with every zero limit replaced.
func (r Request) withDefaults() Request {
	if r.File == "" {
		r.File = "actions.star"
	}
	if r.Control == nil {
		r.Control = &control.Control{}
	}
	if r.Platform == (muster.Platform{}) {
		r.Platform = muster.ThisPlatform()
	}
	r.Attempt = max(r.Attempt, 1)
	r.Limits = r.Limits.withDefaults(r.Hook)
	return r
}

func (l Limits) withDefaults(hook string) Limits {
	if l.Wall <= 0 {
		l.Wall = 5 * time.Minute
		if onBuilder(hook) {
			l.Wall = time.Hour
		}
	}
	if l.Grace <= 0 {
		l.Grace = 3 * time.Second
	}
	if l.Memory <= 0 {
		l.Memory = 512 << 20
	}
	if l.Output <= 0 {
		l.Output = 1 << 20
	}
	return l
}

// onBuilder reports whether hook runs where packages are made.
func onBuilder(hook string) bool {
	return hook == "build" || hook == "update_package" || hook == "test"
}

func (r *Request) String() string { return fmt.Sprintf("%s: %s()", r.File, r.Hook) }
