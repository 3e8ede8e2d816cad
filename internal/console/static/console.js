// What the console adds where scripts run: parts of pages that swap in place, pages that
// follow what happens, keys, and the palette. Without it every page works as links and
// forms do.
"use strict";

const base = document.documentElement.dataset.base;
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

// Swapping: a link or a form with data-swap="id" replaces the element with that id by the
// one of the answer.

let latest = 0; // of swaps: an answer that comes late is not shown

async function load(url) {
  const answer = await fetch(url, { headers: { Accept: "text/html" } });
  if (answer.redirected && new URL(answer.url).pathname.endsWith("/login")) location.assign(answer.url);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function put(doc, id) {
  const from = doc.getElementById(id), to = document.getElementById(id);
  if (!from || !to) return false;
  const back = held(to);
  to.replaceWith(document.adoptNode(from));
  ready(from);
  back(from);
  return true;
}

// Who was at something in a part is at the same in the one that takes its place, or else
// at the part itself.
function held(part) {
  const at = document.activeElement, same = e => [e.localName, e.id, e.name, e.rel, e.type === "checkbox" ? e.value : "", e.matches("a, button, summary") ? e.textContent : ""].join("\n");
  if (!at || at === part || !part.contains(at)) return () => {};
  const was = same(at), inRow = Boolean(at.closest("tr.at")), pager = Boolean(at.closest(".pager"));
  return next => {
    const there = !pager && $$(at.localName, next).find(e => same(e) === was);
    if (!there) next.tabIndex = -1;
    (there || next).focus({ preventScroll: true });
    if (pager) next.scrollIntoView();
    if (there && inRow) there.closest("tr")?.classList.add("at");
  };
}

async function swap(url, id, { push = true } = {}) {
  const mine = ++latest, part = document.getElementById(id);
  part?.setAttribute("aria-busy", "true");
  try {
    const doc = await load(url);
    if (mine !== latest) return;
    if (!put(doc, id)) return location.assign(url);
    const total = $("#total");
    if (total && $("#total", doc)) total.textContent = $("#total", doc).textContent;
    if (push) history.pushState({ swap: id }, "", url);
  } catch {
    if (mine === latest) location.assign(url);
  } finally {
    part?.removeAttribute("aria-busy");
  }
}

const address = form => {
  const url = new URL(form.action, location), data = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...data]) if (value === "") data.delete(name, value);
  url.search = data;
  return url;
};

document.addEventListener("click", event => {
  const button = event.target.closest("a[data-palette]");
  if (button && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    return palette();
  }
  const link = event.target.closest("a[data-swap]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  swap(link.href, link.dataset.swap);
});

document.addEventListener("submit", event => {
  const form = event.target;
  if (form.dataset.swap && form.method === "get") {
    event.preventDefault();
    swap(address(form), form.dataset.swap);
  } else if (form.hasAttribute("data-palette")) {
    event.preventDefault();
    palette();
  } else if (form.method === "post") {
    // Who presses twice means once.
    setTimeout(() => $$("button", form).forEach(b => { b.disabled = true; }));
    addEventListener("pageshow", () => $$("button", form).forEach(b => { b.disabled = false; }), { once: true });
  }
});

addEventListener("popstate", () => location.reload());

// A search that is typed is looked for when the fingers rest.
let typing;
document.addEventListener("input", event => {
  const form = event.target.closest("form[data-type]");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => swap(address(form), form.dataset.swap), 350);
});

// Following: parts with data-live are asked for anew when something happened, at most once
// in so many seconds, but not while somebody works in them.

let stream, stale;

function follow() {
  const parts = $$("[data-live]");
  if (stream || document.hidden || parts.length === 0) return;
  stream = new EventSource(base + "/live");
  const pause = 1000 * Math.max(1, ...parts.map(p => Number(p.dataset.live) || 0));
  stream.addEventListener("news", () => { stale ??= setTimeout(refresh, pause); });
}

// Parts in which nobody works now. Somebody may have begun to while the answer was on its way.
const idle = () => $$("[data-live]").filter(p => p.id && !p.contains(document.activeElement) && !$("details[open], :checked", p));

async function refresh() {
  stale = undefined;
  if (document.hidden || idle().length === 0) return;
  try {
    const doc = await load(location.href);
    for (const p of idle()) put(doc, p.id);
  } catch { /* the server is away: the next news tries again */ }
}

// Nobody looks: nothing is asked, the session may end, and the few connections that a
// browser has to a server are free for windows that somebody looks at.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stream?.close();
    stream = undefined;
    $$("[data-log]").forEach(deaf);
  } else {
    refresh();
    follow();
    $$("[data-log]").forEach(listen);
  }
});

// What hosts say while they carry out an action, in a part with data-log="address".

const heard = new WeakMap(); // streams by their parts

function listen(part) {
  if (document.hidden || heard.has(part)) return;
  const out = $("pre", part), source = new EventSource(part.dataset.log);
  heard.set(part, source);
  source.addEventListener("log", event => {
    const { host, text } = JSON.parse(event.data), end = out.scrollTop + out.clientHeight >= out.scrollHeight - 8;
    part.hidden = false;
    out.append(text.trimEnd().split("\n").map(line => host + "  " + line + "\n").join(""));
    if (out.textContent.length > 100000) out.textContent = out.textContent.slice(-80000);
    if (end) out.scrollTop = out.scrollHeight;
  });
}

function deaf(part) {
  heard.get(part)?.close();
  heard.delete(part);
}

addEventListener("pagehide", () => $$("[data-log]").forEach(deaf));

// Choosing rows.

let lastPick;

function count(form) {
  const n = $$("input[name=host]:checked", form).length, out = $("[data-count]", form);
  if (out) out.textContent = n ? String(n) : "";
}

document.addEventListener("click", event => {
  const box = event.target;
  if (box.type !== "checkbox" || !box.closest("[data-select]")) return;
  const form = box.closest("[data-select]"), boxes = $$("input[name=host]", form);
  if (box.hasAttribute("data-all")) boxes.forEach(b => { b.checked = box.checked; });
  if (box.name === "host") {
    if (event.shiftKey && lastPick) pickTo(boxes, box);
    lastPick = box;
  }
  count(form);
});

function pickTo(boxes, box) {
  const [from, to] = [boxes.indexOf(lastPick), boxes.indexOf(box)].sort((a, b) => a - b);
  if (from >= 0) boxes.slice(from, to + 1).forEach(b => { b.checked = box.checked; });
}

// Keys.

const rows = () => $$("table.rows tbody tr").filter(r => $("a, input", r));

function move(by) {
  const all = rows(), now = all.findIndex(r => r.classList.contains("at"));
  const next = all[Math.max(0, Math.min(all.length - 1, now + by))];
  if (!next) return;
  all[now]?.classList.remove("at");
  next.classList.add("at");
  next.scrollIntoView({ block: "nearest" });
  ($("a", next) || next).focus({ preventScroll: true });
}

const row = () => $("table.rows tr.at");

const actions = {
  j: () => move(1), k: () => move(-1),
  x: () => $("input[name=host]", row() || document.createElement("p"))?.click(),
  X: event => { const b = row() && $("input[name=host]", row()); if (b) b.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: event.shiftKey })); },
  Enter: () => { const a = row() && $("a", row()); if (a) location.assign(a.href); },
  "/": () => ($("[data-search]") || $("input[type=search]"))?.focus(),
  "?": () => dialog(base + "/keys", "keys"),
  g: () => { going = setTimeout(() => { going = undefined; }, 1200); },
};
let going;

document.addEventListener("keydown", event => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return palette();
  }
  if (document.documentElement.dataset.keys === "off" && event.key.length === 1) return;
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (at.matches("input:not([type=checkbox]), textarea, select, button, summary, [contenteditable]")) {
    if (event.key === "Escape") at.blur();
    return;
  }
  if (going) {
    clearTimeout(going);
    going = undefined;
    const link = $$(".top a[data-key]").find(a => a.dataset.key === event.key);
    if (link) location.assign(link.href);
    return;
  }
  if (event.key === "Enter" && at.matches("a")) return;
  const act = Object.hasOwn(actions, event.key) && actions[event.key];
  if (!act) return;
  if (event.key !== "g") event.preventDefault();
  act(event);
});

// Dialogs: pages of the console, shown over the one that is open.

async function dialog(url, id) {
  const part = (await load(url)).getElementById(id);
  if (!part) return location.assign(url);
  const d = document.createElement("dialog");
  d.setAttribute("aria-label", $("h1", part)?.textContent || "");
  d.append(document.adoptNode(part));
  d.addEventListener("close", () => d.remove());
  d.addEventListener("click", event => { if (event.target === d) d.close(); });
  document.body.append(d);
  d.showModal();
  return d;
}

function palette() {
  if ($("dialog[open]")) return;
  const d = document.createElement("dialog"), input = document.createElement("input"), list = document.createElement("div");
  const name = $(".find input")?.getAttribute("aria-label") || "";
  input.type = "search";
  input.placeholder = $(".find input")?.placeholder || "";
  list.id = "palette";
  for (const [e, attributes] of [[d, { "aria-label": name }], [list, { "aria-label": name }],
    [input, { "aria-label": name, role: "combobox", "aria-controls": list.id, "aria-autocomplete": "list", autocomplete: "off" }]])
    for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  d.append(input, list);
  d.addEventListener("close", () => d.remove());
  d.addEventListener("click", event => { if (event.target === d) d.close(); });
  document.body.append(d);
  d.showModal();
  let asked = 0, wait;
  const ask = async () => {
    const mine = ++asked, doc = await load(base + "/find?" + new URLSearchParams({ q: input.value }));
    if (mine !== asked) return;
    list.replaceChildren(...$$("#found > *", doc).map(e => document.adoptNode(e)));
    options();
  };
  // What was found is a list box, for who hears it: the focus stays where one types.
  const options = () => {
    const links = $$("a", list);
    list.setAttribute("role", links.length ? "listbox" : "status");
    input.setAttribute("aria-expanded", String(links.length > 0));
    links.forEach((a, i) => { a.id = "palette-" + i; a.setAttribute("role", "option"); a.tabIndex = -1; a.closest("li").setAttribute("role", "presentation"); });
    $$("h2", list).forEach((h, i) => {
      h.id = "palette-of-" + i;
      h.setAttribute("role", "presentation");
      h.nextElementSibling.setAttribute("role", "group");
      h.nextElementSibling.setAttribute("aria-labelledby", h.id);
    });
    choose(links[0]);
  };
  const choose = next => {
    for (const a of $$("a", list)) {
      a.classList.toggle("at", a === next);
      a.setAttribute("aria-selected", String(a === next));
    }
    next?.scrollIntoView({ block: "nearest" });
    if (next) input.setAttribute("aria-activedescendant", next.id); else input.removeAttribute("aria-activedescendant");
  };
  input.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(ask, 150); });
  d.addEventListener("keydown", event => {
    const links = $$("a", list), now = links.findIndex(a => a.classList.contains("at"));
    if (event.key === "Enter" && event.target === input) { event.preventDefault(); return links[Math.max(now, 0)]?.click(); }
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || !links.length) return;
    event.preventDefault();
    choose(links[(now + by + links.length) % links.length]);
  });
  ask();
}

// Menus close when one looks elsewhere.
document.addEventListener("click", event => {
  for (const d of $$(".tools details[open]")) if (!d.contains(event.target)) d.open = false;
});

// Copying.
document.addEventListener("click", async event => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "✓";
  setTimeout(() => { button.textContent = button.title; }, 1500);
});

function ready(within) {
  if (navigator.clipboard) for (const b of $$("[data-copy]", within)) { b.hidden = false; b.title = b.textContent; }
  for (const f of $$("[data-select]", within)) count(f);
}

// Where the navigation is wider than the window, the page that one is at is in sight.
const here = $(".top nav [aria-current]");
if (here) here.closest("nav").scrollLeft = here.offsetLeft - (innerWidth - here.offsetWidth) / 2;

ready(document);
$$("[data-log]").forEach(listen);
follow();
