package console

import (
	"bufio"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// desk is the administrator's own console, which signs with the key.
func (w *world) desk(t *testing.T) *tab {
	t.Helper()
	cmd := w.command(w.muster, "console", "--no-browser", "--key", "alice.key", "--cert", "alice.crt")
	out := must(cmd.StdoutPipe())(t)
	check(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		cmd.Wait()                          //nolint:errcheck // it was told to end
	})
	line := must(bufio.NewReader(out).ReadString('\n'))(t)
	m := regexp.MustCompile(`^(http://127\.0\.0\.1:\d+/[a-z0-9]+)(/open/\S+)`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("the console says %q", line)
	}
	b := open(t, m[1])
	b.open(m[2])
	b.until("document.querySelector('.who')")
	return b
}

// TestSign gives the lab a package: the page shows what would happen, the key signs, and
// the page of a host follows until it is there.
func TestSign(t *testing.T) {
	w := inWorld(t)
	b := w.desk(t)
	watching := w.as(t, "bob")
	watching.open(w.places(t).Replace("/hosts/{host}"))
	if watching.says("notes") {
		t.Fatal("the host has notes before")
	}

	b.open("/groups/group/lab/edit?install=notes")
	b.press("Show what changes")
	b.sees("notes", "pc-1")
	b.press("Sign as Alice Martin")
	b.until(`document.querySelector(".flash")`)
	check(t, w.until("notes are on pc-1", func() bool {
		text, err := os.ReadFile(w.path("pc-1/bin/notes"))
		return err == nil && strings.TrimSpace(string(text)) == "2.0-1"
	}))
	watching.sees("notes") // by itself
}

// TestRollout looks at what failed on a host and its log, goes on, and ends it.
func TestRollout(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "bob")
	b.open("/")
	b.sees("The rollout of welcome 1-1 is halted")
	b.open("/rollouts/rollout-welcome-1-1")
	b.sees("the text is too long")
	b.click(`a[href*="#log"]`)
	b.sees("What the host told", "upgrade")

	b.open("/rollouts/rollout-tool-1.1-1")
	b.fill("#change input[name=why]", "a look at it first")
	b.press("Pause")
	b.sees("paused", "a look at it first")
	b.press("Go on")
	b.until(`document.querySelector("h1").textContent.includes("running")`)

	b.open("/rollouts/rollout-welcome-1-1")
	b.press("End it for good")
	b.fill("details input[name=why]", "its text is too long")
	if b.there("details[open] input[name=confirm]") > 0 { // above a hundred hosts
		b.fill("details[open] input[name=confirm]", value[string](b, `document.querySelector("details[open] form").innerText.match(/Type ([0-9]+)/)[1]`))
	}
	b.press("End it")
	b.until(`document.querySelector("h1").textContent.includes("ended") || document.querySelector("h1").textContent.includes("aborted")`)
	b.open("/")
	b.hidden("The rollout of welcome 1-1 is halted")
}

// TestCommand: where no key is, the page has the command to type, as it is to be typed.
func TestCommand(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "bob")
	b.open("/actions/send?q=group:lab")
	b.fill("input[name=reason]", "it's time")
	b.press("Show what would happen")
	b.until(`[...document.querySelectorAll(".command code")].some(e => e.textContent.startsWith("muster send update") && e.textContent.includes("group:lab"))`)
	if n := b.there("main form[method=post] button.main"); n != 0 {
		t.Errorf("%d buttons that would sign", n)
	}
}
