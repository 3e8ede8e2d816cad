package console

import (
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The console for who has no mouse, no eyes or a small window.

// TestPalette has the palette say what it is, and which of its finds is chosen; in a small
// window a button opens it.
func TestPalette(t *testing.T) {
	w := inWorld(t)
	script := needAxe(t)
	b := w.as(t, "bob")
	b.width(420)
	b.open("/hosts")
	b.click(".seek")
	b.until(`document.querySelector("dialog[open] input") === document.activeElement`)
	b.key("pc-")
	b.until(`[...document.querySelectorAll("dialog [role=option]")].filter(e => e.textContent.startsWith("pc-")).length > 1`)
	chosen := `document.getElementById(document.querySelector("dialog input").getAttribute("aria-activedescendant"))`
	b.until(chosen + `.getAttribute("aria-selected") === "true"`)
	first := value[string](b, chosen+".textContent")
	b.key(kb.ArrowDown)
	b.until(chosen + `.textContent !== ` + quoted(first) + ` && document.querySelectorAll("dialog [aria-selected=true]").length === 1`)
	if name := value[string](b, `document.querySelector("dialog").getAttribute("aria-label")`); name != "Find anything" {
		t.Errorf("the dialog is called %q", name)
	}
	b.usable(script, "the palette")
	next := value[string](b, chosen+".textContent")
	b.key(kb.Enter)
	b.until(`document.querySelector("h1")?.textContent.startsWith(` + quoted(next+" ") + `)`)
}

// TestLetters switches keys of one letter off, and on again.
func TestLetters(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "bob")
	b.open("/settings")
	b.press("Switch them off")
	b.sees("Keys of one letter are off.")
	b.open("/hosts")
	b.key("jx/?gh")
	if n := b.there("tr.at, :checked:not(option), dialog, [data-search]:focus"); n != 0 || value[string](b, "location.pathname") != "/hosts" {
		t.Errorf("%d things happened", n)
	}
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(kb.ModifierCtrl)))
	b.until(`document.querySelector("dialog[open] input") === document.activeElement`)
	b.open("/keys")
	b.press("Switch them on")
	b.sees("Keys of one letter are on.")
	b.open("/hosts")
	b.key("j")
	b.until(`document.querySelector("tr.at")`)
}

// TestFocus sorts a list from the keyboard: who was at the head of a column still is when
// the rows have come, and who goes to the next page is at its list.
func TestFocus(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "bob")
	b.open("/hosts")
	head := `[...document.querySelectorAll("th a")].find(a => a.textContent === "Heard of")`
	value[bool](b, head+".focus() || true")
	b.key(kb.Enter)
	b.until(`location.search.includes("sort=") && document.activeElement === ` + head)
	value[bool](b, `document.querySelector("a[rel=next]").focus() || true`)
	b.key(kb.Enter)
	b.until(`location.search.includes("cursor=") && document.activeElement.id === "list" && document.activeElement.getBoundingClientRect().top >= 0`)
}

// TestHidden: nobody looks at a window, and so it holds no stream of the server; somebody
// does again, and it follows as before.
func TestHidden(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "bob")
	command(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `const Source = EventSource; window.streams = [];
		window.EventSource = class extends Source { constructor(at) { super(at); streams.push(this); } };`})
	live := `streams.filter(s => s.readyState !== EventSource.CLOSED).map(s => new URL(s.url).pathname.replace(/.*\//, "")).sort().join(" ")`
	for path, want := range map[string]string{"/": "live", "/actions/{action}": "live log"} {
		b.open(w.places(t).Replace(path))
		if b.there("[data-log]") == 0 {
			want = "live" // the action is over
		}
		b.until(live + ` === ` + quoted(want))
		for _, hidden := range []string{"true", "false"} {
			value[bool](b, `Object.defineProperty(document, "hidden", { value: `+hidden+`, configurable: true }) && document.dispatchEvent(new Event("visibilitychange"))`)
			if hidden == "true" {
				b.until(live + ` === ""`)
			}
		}
		b.until(live + ` === ` + quoted(want))
	}
}

// TestFrench reads an error in French, and what a form says of a refusal: of a field beside
// it, where one goes on typing.
func TestFrench(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "bob")
	b.refuse("404")
	b.refuse("400")
	b.open("/")
	b.press("Français")
	b.until(`document.documentElement.lang === "fr"`)
	b.open("/nowhere")
	b.sees("cette page n'existe pas")
	b.open("/hosts?q=os:(")
	b.sees("Demande non valable", "has no value")
	if n := b.there(`.problem span[lang=en]`); n != 1 {
		t.Errorf("%d texts are said to be English", n)
	}
	b.open("/rights")
	b.fill("input[name=who]", "moon")
	b.click("input[name=verbs]")
	b.press("Accorder")
	b.until(`document.activeElement.name === "who" && document.activeElement.value === "moon" && document.querySelector("input[name=verbs]").checked`)
	b.until(`document.getElementById(document.activeElement.getAttribute("aria-describedby")).textContent.includes("ne désigne personne")`)
	b.press("English")
	b.until(`document.documentElement.lang === "en"`)
}

// TestWorking: who opens something in a part while what is new of it is on its way keeps
// what they opened, and what they typed.
func TestWorking(t *testing.T) {
	w := inWorld(t)
	b := w.as(t, "bob")
	b.open("/rollouts/rollout-welcome-1-1")
	value[bool](b, `(() => { window.asked = window.read = 0; const parse = DOMParser.prototype.parseFromString;
		DOMParser.prototype.parseFromString = function (...all) { setTimeout(() => read++); return parse.apply(this, all); }; const real = window.fetch; window.fetch = (...all) => { asked++; return new Promise(go => { window.arrive = () => go(real(...all)); }); }; return true; })()`)
	seen := `document.querySelector("#rollout").dataset.seen`
	value[bool](b, seen+` = "before"; Boolean(Object.defineProperty(document, "hidden", { value: false, configurable: true }) && document.dispatchEvent(new Event("visibilitychange")))`)
	b.until(`asked === 1`)
	b.press("What was signed")
	b.until(`document.querySelector("#rollout details[open]")`)
	value[bool](b, `arrive() || true`)
	b.until(`read === 1`) // and what follows from that is done
	if !value[bool](b, seen+` === "before" && Boolean(document.querySelector("#rollout details[open]"))`) {
		t.Error("what somebody opened is gone")
	}
	value[bool](b, `document.querySelector("#rollout details[open]").open = false; document.activeElement.blur(); document.dispatchEvent(new Event("visibilitychange"))`)
	b.until(`asked === 2`)
	value[bool](b, `arrive() || true`)
	b.until(seen + ` !== "before"`)
}
