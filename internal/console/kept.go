package console

import (
	"cmp"
	"crypto/rand"
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	"muster"
)

// A session may end while somebody fills in a form. What they typed, but for secrets, is
// kept until they are back: the same person finds the form as it was, and nothing has been
// sent. Only forms of sessions that were seen alive are kept, so that strangers fill
// nothing.

const (
	// keptField is in the address that shows a form again.
	keptField = "kept"
	keptFor   = time.Hour
	maxKept   = 200      // forms
	maxTyped  = 64 << 10 // bytes of one
	keepWho   = 24 * time.Hour
	maxWho    = 10_000 // sessions
)

// secretFields are those that no page and no form that is kept has again.
var secretFields = []string{"password", "again", "old"}

// typed is what somebody typed into a form, but for secrets.
func typed(form url.Values) url.Values {
	form = maps.Clone(form)
	for _, name := range append(secretFields, onceField) {
		form.Del(name)
	}
	return form
}

// keptForms are forms whose session had ended.
type keptForms struct {
	mu    sync.Mutex
	who   map[key]whose     // by session
	forms map[key]*keptForm // by session: the last one
}

// whose session it is, or was.
type whose struct {
	name string
	seen time.Time
}

// A keptForm is one that was sent too late.
type keptForm struct {
	whose         // name and when it was sent
	number string // in the address that shows it again
	path   string
	form   url.Values
}

// saw remembers whose a session is.
func (k *keptForms) saw(session, name string, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.who == nil {
		k.who, k.forms = map[key]whose{}, map[key]*keptForm{}
	}
	if _, known := k.who[keyOf(session)]; !known && len(k.who) >= maxWho {
		forget(k.who, func(w whose) time.Time { return w.seen }, now.Add(-keepWho))
	}
	k.who[keyOf(session)] = whose{name, now}
}

// forget drops what is older than the time, or at least the oldest.
func forget[T any](all map[key]T, at func(T) time.Time, before time.Time) {
	n := len(all)
	maps.DeleteFunc(all, func(_ key, x T) bool { return at(x).Before(before) })
	if len(all) == n && n > 0 {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(all)), func(a, b key) int { return cmp.Compare(at(all[a]).UnixNano(), at(all[b]).UnixNano()) })
		delete(all, oldest)
	}
}

// keep keeps a form of a session that has ended, and returns the number that finds it;
// "" where it is not kept.
func (k *keptForms) keep(session, path string, form url.Values, now time.Time) string {
	form = typed(form)
	k.mu.Lock()
	defer k.mu.Unlock()
	who, known := k.who[keyOf(session)]
	if !known || len(form) == 0 || len(form.Encode()) > maxTyped {
		return ""
	}
	if _, again := k.forms[keyOf(session)]; !again && len(k.forms) >= maxKept {
		forget(k.forms, func(f *keptForm) time.Time { return f.seen }, now.Add(-keptFor))
	}
	f := &keptForm{whose{who.name, now}, rand.Text(), path, form}
	k.forms[keyOf(session)] = f
	return f.number
}

// find returns the form of a number, for the page and the person whose it was.
func (k *keptForms) find(number, path, name string, now time.Time) url.Values {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.forms {
		if f.number == number && f.path == path && f.name == name && now.Sub(f.seen) < keptFor {
			return maps.Clone(f.form)
		}
	}
	return nil
}

// keepForm keeps what was sent without a session, and says where it is shown again.
func (v *visit) keepForm() string {
	if v.page.act == nil || v.PostForm == nil {
		return ""
	}
	number := v.kept.keep(v.api.Token, v.URL.Path, v.PostForm, v.Now())
	if number == "" {
		return ""
	}
	q := v.URL.Query()
	q.Set(keptField, number)
	return v.URL.Path + "?" + q.Encode()
}

// takeUp has a page show the form that its address names, as if it was refused.
func (v *visit) takeUp() *problem {
	number := v.query(keptField)
	if number == "" || v.page.act == nil {
		return nil
	}
	form := v.kept.find(number, v.URL.Path, v.self.Name, v.Now())
	if form == nil {
		return nil
	}
	v.PostForm = form
	return &problem{Kind: muster.Stale, Message: v.t("Your session had ended: nothing was sent."), Hint: v.t("This is what you typed. Look at it, and send it again.")}
}
