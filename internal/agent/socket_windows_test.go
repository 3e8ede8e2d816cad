package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"

	"muster"
	"muster/internal/testneed"
)

var pipes atomic.Int32

// socketName is where an agent can listen.
func socketName(*testing.T) string {
	return fmt.Sprintf(`\\.\pipe\muster-test-%d-%d`, os.Getpid(), pipes.Add(1))
}

// open listens, and has the first client go by: on Wine that is given the end of a pipe which
// go-winio keeps for the name alone, and which Windows gives to nobody.
func open(t *testing.T, name string) net.Listener {
	t.Helper()
	l, err := Listen(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if testneed.OnWine() {
		c, err := dial(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	return l
}

// TestPipePeer: who connects is known by SID, name and groups, once they have said
// something; who says that nobody is to know who they are is not let in.
func TestPipePeer(t *testing.T) {
	name := socketName(t)
	l := open(t, name)
	meet := func(level winio.PipeImpLevel) (id string, find who, err error) {
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		c, err := winio.DialPipeAccessImpLevel(ctx, name, pipeRights, level)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := checkServer(c); err != nil {
			t.Errorf("the pipe of this program: %v", err)
		}
		go io.WriteString(c, "hello")
		in, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		return identify(in)
	}
	own, err := ownAccount()
	if err != nil {
		t.Fatal(err)
	}
	id, find, err := meet(winio.PipeImpLevelIdentification)
	if err != nil || id != own.user {
		t.Fatalf("%q %v, not %q", id, err, own.user)
	}
	p, err := find()
	if err != nil || p.Name == "" || p.Name == id || !slices.Contains(p.Also, id) || !p.Admin || !slices.Contains(p.Groups, "S-1-1-0") || !slices.Contains(p.Groups, "Everyone") {
		t.Errorf("%+v %v", p, err)
	}
	t.Logf("%+v", p)
	if testneed.OnWine() {
		t.Log("Wine does not know anonymous clients")
	} else if id, _, err := meet(winio.PipeImpLevelAnonymous); err == nil {
		t.Errorf("nobody in particular is %q", id)
	}
}

// TestPipeTaken: a name that somebody has is not taken from an agent, and one that is no
// administrator's is no agent's.
func TestPipeTaken(t *testing.T) {
	own, err := ownAccount()
	if err != nil {
		t.Fatal(err)
	}
	name := socketName(t)
	squatter, err := winio.ListenPipe(name, &winio.PipeConfig{SecurityDescriptor: pipeSecurity(&account{user: own.user})})
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	go func() {
		for {
			c, err := squatter.Accept()
			if err != nil {
				return
			}
			defer c.Close()
		}
	}()
	if _, err := Listen(name); muster.KindOf(err) != muster.Busy {
		t.Errorf("a second one of this user: %v", err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	c, err := winio.DialPipeAccessImpLevel(ctx, name, pipeRights, winio.PipeImpLevelIdentification)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	somebody := &account{user: domainSID + "-1"}
	if err := checkServerFor(c, somebody); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), own.user) {
		t.Errorf("to somebody else the pipe of this user is: %v", err)
	}
	if err := unanswered(checkServerFor(c, somebody)); muster.KindOf(err) != muster.Denied {
		t.Error(err)
	}
}

// TestPipeGone: without an agent a person is told soon, and what to do.
func TestPipeGone(t *testing.T) {
	name := socketName(t)
	if Answers(name) {
		t.Error("nobody answers")
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if _, err := DialLocal(name).State(ctx); muster.KindOf(err) != muster.Unavailable || muster.HintOf(err) == "" {
		t.Errorf("without an agent: %v", err)
	}
}

// TestPipeAccess: nobody but administrators and the owner may be the server of the pipe.
func TestPipeAccess(t *testing.T) {
	name := socketName(t)
	open(t, name)
	c, err := dial(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sd, err := windows.GetSecurityInfo(windows.Handle(c.(interface{ Fd() uintptr }).Fd()), windows.SE_KERNEL_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	if text := sd.String(); !strings.Contains(text, "0x12008b;;;AU)") || strings.Contains(text, ";;;WD)") {
		t.Errorf("the pipe lets in %s", text)
	}
}

// TestConditions: the system answers what powers it and what its connection costs.
func TestConditions(t *testing.T) {
	cost, err := connectionCost()
	t.Logf("battery %v, cost %#x, %v", onBattery(), cost, err)
	if err == nil && costsMoney(cost) != onMetered() || err != nil && onMetered() {
		t.Errorf("cost %#x, %v, and yet %v", cost, err, onMetered())
	}
	if uptime() <= 0 {
		t.Error("the machine was never started")
	}
}
