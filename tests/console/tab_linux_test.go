package console

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"muster/api"
)

// A tab is a person in front of a window that shares no cookie with others. What its pages
// complain of in the browser's log fails the test: errors of scripts, what the content
// security policy refused, files that are not there.
type tab struct {
	testing.TB
	ctx  context.Context
	base string
	// refused are texts of complaints that the test brings about.
	refused []string
}

// longest is how long a window may be open.
const longest = 6 * time.Minute

func (w *world) tab(t testing.TB) *tab {
	t.Helper()
	return open(t, w.url())
}

// open is a window for pages of the console at base.
func open(t testing.TB, base string) *tab {
	t.Helper()
	browser := must(theBrowser())(t)
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	ctx, stop := context.WithTimeout(ctx, longest)
	b := &tab{TB: t, ctx: ctx, base: base}
	b.do(chromedp.EmulateViewport(1440, 1000))
	b.prefers("light")
	heard := make(chan []string, 1)
	messages := chromedp.Console(ctx)
	go func() {
		var all []string
		for m, err := range messages {
			if err != nil {
				break
			}
			if m.Type == "error" || m.Type == "warning" || m.Type == "assert" || m.IsException() {
				all = append(all, fmt.Sprintf("%s (%s)", m, m.URL))
			}
		}
		heard <- all
	}()
	t.Cleanup(func() {
		stop()
		cancel()
		for _, complaint := range <-heard {
			if !b.expected(complaint) {
				t.Errorf("the browser complains of %s", complaint)
			}
		}
	})
	return b
}

func (b *tab) expected(complaint string) bool {
	for _, r := range b.refused {
		if strings.Contains(complaint, r) {
			return true
		}
	}
	return false
}

// refuse names a complaint that is to come.
func (b *tab) refuse(text string) { b.refused = append(b.refused, text) }

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.fail(err)
	}
}

// fail ends the test with what the window shows.
func (b *tab) fail(err error) {
	b.Helper()
	at, _ := chromedp.Run(b.ctx, chromedp.Location())
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	b.Fatalf("%v\nat %s:\n%.3000s", err, at, text)
}

// command sends one of the protocol.
func command[P, R any](b *tab, cmd cdp.Command[P, R], params P) R {
	b.Helper()
	out, err := chromedp.Call(b.ctx, cmd, params)
	if err != nil {
		b.fail(err)
	}
	return out
}

// value is that of an expression.
func value[T any](b *tab, expression string) T {
	b.Helper()
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.fail(fmt.Errorf("%s: %w", expression, err))
	}
	return out
}

// open shows a page.
func (b *tab) open(path string) {
	b.Helper()
	b.do(chromedp.Navigate(b.base + path))
}

// until waits for an expression to be true, through pages that come and go.
func (b *tab) until(expression string) {
	b.Helper()
	for end := time.Now().Add(20 * time.Second); ; <-time.After(25 * time.Millisecond) {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && ok {
			return
		}
		if time.Now().After(end) {
			b.fail(fmt.Errorf("never: %s (%v)", expression, err))
		}
	}
}

// sees waits for a text on the page, and hidden for it to be gone.
func (b *tab) sees(texts ...string) {
	b.Helper()
	for _, text := range texts {
		b.until("document.readyState === 'complete' && document.body.innerText.includes(" + quoted(text) + ")")
	}
}

// says reports whether a text is on the page.
func (b *tab) says(text string) bool {
	b.Helper()
	return value[bool](b, "document.body.innerText.includes("+quoted(text)+")")
}

func (b *tab) hidden(text string) {
	b.Helper()
	b.until("document.readyState === 'complete' && !document.body.innerText.includes(" + quoted(text) + ")")
}

// at waits until the address is path, with what its query begins with.
func (b *tab) at(path string) {
	b.Helper()
	b.until("document.readyState === 'complete' && (location.pathname + location.search).startsWith(" + quoted(path) + ")")
}

// there reports how many elements the selector finds.
func (b *tab) there(selector string) int {
	b.Helper()
	return value[int](b, "document.querySelectorAll("+quoted(selector)+").length")
}

// click presses what the selector finds first, as a mouse does.
func (b *tab) click(selector string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		b.fail(fmt.Errorf("cannot click %s: %w", selector, err))
	}
}

// press presses the link or the button with a text.
func (b *tab) press(text string) {
	b.Helper()
	mark := fmt.Sprintf(`(() => { const e = [...document.querySelectorAll('main a, main button, main summary, footer button, .who button, dialog a')]
		.find(e => e.textContent.trim() === %[1]s && e.offsetParent); if (e) e.dataset.press = %[1]s; return !!e; })()`, quoted(text))
	for end := time.Now().Add(20 * time.Second); ; {
		b.until(mark)
		ctx, cancel := context.WithTimeout(b.ctx, 3*time.Second)
		err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS("[data-press="+quoted(text)+"]")))
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) { // a page that came meanwhile has no mark
			b.fail(fmt.Errorf("cannot press %q: %w", text, err))
		}
	}
}

// fill replaces the text of a field.
func (b *tab) fill(selector, text string) {
	b.Helper()
	b.do(chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

// key presses keys one after the other.
func (b *tab) key(keys string, opts ...chromedp.KeyOption) {
	b.Helper()
	b.do(chromedp.KeyEvent(keys, opts...))
}

// logIn fills the form of the first page.
func (b *tab) logIn(name string) {
	b.Helper()
	b.open("/login")
	b.fill("input[name=name]", name)
	b.fill("input[name=password]", password)
	b.press("Log in")
	b.at("/")
	b.until("document.querySelector('.who')")
}

// as gives the window the session of somebody: one for all tests, for a password is made to
// take its time.
func (w *world) as(t testing.TB, name string) *tab {
	t.Helper()
	if w.sessions[name] == "" {
		w.sessions[name] = must(w.client.LoginPassword(t.Context(), api.PasswordLogin{Name: name, Password: password}))(t).Token
	}
	b := w.tab(t)
	b.cookie(api.Cookie, w.sessions[name])
	return b
}

func (b *tab) cookie(name, value string) {
	b.Helper()
	yes := true
	command(b, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: b.base + "/", Path: "/", Secure: &yes, HTTPOnly: &yes, SameSite: network.CookieSameSiteLax})
}

// width makes the window as wide as a screen, or as a telephone.
func (b *tab) width(pixels int64) {
	b.Helper()
	b.do(chromedp.EmulateViewport(pixels, 1000))
}

// prefers has the system of the person be dark or light.
func (b *tab) prefers(scheme string) {
	b.Helper()
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// location is the address of the page, without the server's.
func (b *tab) location() string {
	b.Helper()
	u, err := url.Parse(value[string](b, "location.href"))
	check(b, err)
	return u.RequestURI()
}
