package faults_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"muster/internal/task"
)

// A refusal is how the disk fails, and which calls.
type refusal struct {
	name  string
	errno syscall.Errno
	calls string
	stays bool // all such calls from the n-th on fail
}

var refusals = []refusal{
	{"EIO", unix.EIO, "sync rename link symlink unlink write create mkdir chmod", false},
	{"EIO-stays", unix.EIO, "sync rename link write create", true},
	{"ENOSPC", unix.ENOSPC, "write create mkdir link symlink rename", true},
	{"EDQUOT", unix.EDQUOT, "write create mkdir link symlink", true},
	{"EROFS", unix.EROFS, "write create mkdir link symlink rename unlink chmod chown truncate utimes", true},
}

// TestCase26Errors has every call fail in all these ways: the command fails
// and says why, or it is done all the same; what it says is so.
func TestCase26Errors(t *testing.T) {
	for _, f := range refusals {
		t.Run(f.name, func(t *testing.T) {
			each(t, func(t *testing.T, s scenario) {
				failed, done := 0, 0
				for n := 1; !t.Failed(); n += stride(61) {
					h := newHost(t, s, f.name)
					at, durable, r := h.refuseAt(n, f, s.do)
					if at.n == 0 {
						break
					}
					if r.code == 0 {
						done++
						h.doneAllTheSame(s, at, durable)
						continue
					}
					failed++
					h.saidWhy(f, at, r)
					h.recovered(s, f.name+" at "+at.String())
				}
				t.Logf("%d failed, %d were done all the same", failed, done)
				if failed == 0 {
					t.Error("no command failed")
				}
			})
		})
	}
}

// refuseAt has the n-th of the calls fail, and tells whether the record that
// the change is done was durable by then.
func (h *host) refuseAt(n int, f refusal, line string) (at call, durable bool, r result) {
	h.Helper()
	seen, before := 0, h.lastChange().ID
	r = h.watch(func(c call) verdict {
		durable = durable || at.n == 0 && h.recordedDone(c, before)
		if !c.is(f.calls) {
			return verdict{}
		}
		if seen++; seen < n || seen > n && !f.stays {
			return verdict{}
		}
		if at.n == 0 {
			at = c
		}
		return verdict{fail: f.errno}
	}, strings.Fields(line)...)
	return at, durable, r
}

// recordedDone reports whether the change after the given one was recorded as
// done, durably, before the call c.
func (h *host) recordedDone(c call, before int) bool {
	last := h.lastChange()
	return last.ID > before && last.State == task.Done && !strings.HasPrefix(c.path, fmt.Sprintf("var/lib/muster/journal/%06d", last.ID))
}

// lastChange is the record of the newest change; empty when there is none.
func (h *host) lastChange() task.Change {
	entries, err := os.ReadDir(h.state("journal"))
	if err != nil {
		h.Fatal(err)
	}
	if len(entries) == 0 {
		return task.Change{}
	}
	return h.change(entries[len(entries)-1].Name())
}

// doneAllTheSame checks a command that said done though a call failed: it is.
// No sync may have failed before the record was durable.
func (h *host) doneAllTheSame(s scenario, at call, durable bool) {
	h.Helper()
	if at.is("sync") && !durable && !strings.Contains(at.path, "/cache/") {
		h.Errorf("said to be done, though it failed at %v", at)
	}
	h.must("resume")
	if state := h.whole(s, "done, though it failed at "+at.String()); state != "new" {
		h.Errorf("said to be done, though it failed at %v, and is %q", at, state)
	}
}

// saidWhy checks the message: one that names the reason, as the system does.
func (h *host) saidWhy(f refusal, at call, r result) {
	h.Helper()
	if !strings.Contains(r.output, f.errno.Error()) || !strings.Contains(r.output, "muster: ") {
		h.Errorf("%s at %v: the message does not say why: %s", f.name, at, r.output)
	}
	if strings.Contains(r.output, "panic") || strings.Contains(r.output, "goroutine") {
		h.Errorf("%s at %v: %s", f.name, at, r.output)
	}
}
