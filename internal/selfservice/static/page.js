// Pages work without this: it exchanges parts in place of whole pages, looks while one
// types, and shows progress as it comes.
'use strict'
const base = new URL('..', document.currentScript.src).href
const parts = ['now', 'main']
let typing, asking

async function show(url, options) {
  asking?.abort()
  asking = new AbortController()
  const main = document.getElementById('main')
  main.setAttribute('aria-busy', 'true')
  try {
    const answer = await fetch(url, { ...options, signal: asking.signal })
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
    const at = document.activeElement?.id, caret = document.activeElement?.selectionStart
    for (const id of parts) document.getElementById(id).replaceWith(document.importNode(page.getElementById(id), true))
    document.title = page.title
    const again = at && document.getElementById(at)
    if (again) { again.focus(); if (caret != null) again.setSelectionRange?.(caret, caret) }
    if (answer.url.startsWith(base)) history.replaceState(null, '', answer.url)
    listen()
  } catch (e) {
    if (e.name !== 'AbortError') gone()
  }
}

function gone() { document.getElementById('gone').hidden = false; document.getElementById('main').removeAttribute('aria-busy') }

let stream, working
function listen() {
  const now = !document.getElementById('now').hidden
  if (stream && stream.readyState !== EventSource.CLOSED && (!now || working)) return
  stream?.close()
  working = now
  stream = new EventSource(base + 'live' + (now ? '?working=1' : ''))
  stream.addEventListener('now', e => {
    const piece = new DOMParser().parseFromString(JSON.parse(e.data), 'text/html').getElementById('now')
    working = !piece.hidden
    document.getElementById('now').replaceWith(document.importNode(piece, true))
  })
  stream.addEventListener('over', () => { working = false; show(location.href) })
  stream.onerror = () => fetch(base + 'static/mark.svg').then(r => r.ok || gone(), gone)
}

document.addEventListener('input', e => {
  if (!e.target.closest('.search')) return
  clearTimeout(typing)
  const form = e.target.form
  typing = setTimeout(() => show(form.action + '?' + new URLSearchParams(new FormData(form))), 200)
})
document.addEventListener('submit', e => {
  const form = e.target
  e.preventDefault()
  clearTimeout(typing)
  const fields = new URLSearchParams(new FormData(form))
  if (form.method === 'get') show(form.action + '?' + fields)
  else if (form.action.endsWith('/language')) fetch(form.action, { method: 'POST', body: fields }).then(() => location.reload(), gone)
  else show(form.action, { method: 'POST', body: fields })
})
document.documentElement.classList.add('script')
listen()
