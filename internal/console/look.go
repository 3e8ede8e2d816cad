package console

import (
	"slices"
	"time"

	"muster"
)

// lookPage has the switches of language and colours for who has no room for them at
// the foot of each page.
func lookPage(*visit) (any, error) { return languages(), nil }

// look keeps how somebody wants to see pages, for a year, on their own machine.
func look(v *visit) (string, error) {
	to := v.own(v.PostForm.Get("back"))
	year := v.Now().Add(365 * 24 * time.Hour)
	if l := v.PostForm.Get("lang"); l != "" {
		if !slices.Contains(languages(), l) {
			return "", muster.Errorf(muster.Invalid, "there are no pages in %.20q", l)
		}
		v.setCookie(langCookie, l, year)
	}
	switch keys := v.PostForm.Get("keys"); keys {
	case "":
	case "on":
		v.forget(keysCookie)
	case "off":
		v.setCookie(keysCookie, keys, year)
	default:
		return "", muster.Errorf(muster.Invalid, "keys are on or off, and not %.20q", keys)
	}
	switch theme := v.PostForm.Get("theme"); theme {
	case "":
	case "auto":
		v.forget(themeCookie)
	case "dark", "light":
		v.setCookie(themeCookie, theme, year)
	default:
		return "", muster.Errorf(muster.Invalid, "there are no colours called %.20q", theme)
	}
	return to, nil
}

// keysCookie is "off" for who wants no keys of one letter: who speaks to the machine
// says letters without meaning keys (WCAG 2.1.4).
const keysCookie = "-keys"

// Keys reports whether single letters are keys.
func (f *frame) Keys() bool { return f.cookie(keysCookie) != "off" }

// keys lists what keys do.
func keys(*visit) (any, error) { return nil, nil }
