package glpi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"muster"
)

func TestParseAnswer(t *testing.T) {
	for body, want := range map[string]Answer{
		`{"expiration":24,"status":"ok"}`:         {Taken, "", 24 * time.Hour},
		`{"status":"ok"}`:                         {Taken, "", 0},
		`{"status":"ok","expiration":"36"}`:       {Taken, "", 36 * time.Hour},
		`{"status":"ok","expiration":"2d"}`:       {Taken, "", 48 * time.Hour},
		`{"status":"ok","expiration":"-1"}`:       {Taken, "", 0},
		`{"status":"ok","expiration":1e99}`:       {Taken, "", 0},
		`{"status":"ok","expiration":"9999d"}`:    {Taken, "", 366 * 24 * time.Hour},
		`{"status":"pending","expiration":"10s"}`: {Pending, "", 10 * time.Second},
		`{"status":"error","message":"JSON does not validate.\nViolations: x","expiration":24}`:                                            {Failed, "JSON does not validate. Violations: x", 24 * time.Hour},
		`{"status":"error","message":["a"]}`:                                                                                               {Failed, "", 0},
		`{"status":"ok","tasks":{"inventory":{"server":"glpi","version":"11.0.2"}},"message":"esx task not supported","disabled":["esx"]}`: {Taken, "esx task not supported", 0},
	} {
		if got, err := ParseAnswer([]byte(body)); err != nil || got != want {
			t.Errorf("%s: %+v (%v), not %+v", body, got, err, want)
		}
	}
}

func TestParseAnswerRefuses(t *testing.T) {
	for body, want := range map[string]muster.ErrorKind{
		"": muster.Invalid, "<html>": muster.Invalid, "{}": muster.Invalid, "null": muster.Invalid, "[]": muster.Invalid, `{"status":"OK!"}`: muster.Invalid,
		`<?xml version="1.0"?><REPLY><RESPONSE>SEND</RESPONSE></REPLY>`: muster.Invalid, `{"status":"ok"} x`: muster.Invalid,
		"Inventory is disabled": muster.Denied, `{"status":"error","message":"Inventory is disabled"}`: muster.Denied,
		strings.Repeat(" ", MaxAnswer+1): muster.Invalid,
	} {
		if _, err := ParseAnswer([]byte(body)); muster.KindOf(err) != want {
			t.Errorf("%.40q: %v, not %s", body, err, want)
		} else if len(err.Error()) > 500 {
			t.Errorf("%.40q: %d bytes of error", body, len(err.Error()))
		}
	}
}

// What is accepted is within bounds, may be shown, and reads again as the same.
func FuzzParseAnswer(f *testing.F) {
	for _, s := range []string{`{"expiration":24,"status":"ok"}`, `{"status":"pending","expiration":"10s"}`, `{"status":"error","message":"a\u001b[31mb\u0000"}`,
		`{"status":"ok","expiration":"18446744073709551615d"}`, "Inventory is disabled", "<html>", `{"status":"error","message":"\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseAnswer(data)
		if err != nil {
			if k := muster.KindOf(err); k != muster.Invalid && k != muster.Denied || len(err.Error()) > 1000 {
				t.Fatalf("%s: %v", k, err)
			}
			return
		}
		if len(a.Message) > maxMessage || strings.ContainsFunc(a.Message, func(r rune) bool { return !unicode.IsPrint(r) }) || a.Expiration < 0 || a.Expiration > maxExpiration {
			t.Fatalf("%+v", a)
		}
		again, err := json.Marshal(map[string]string{"status": string(a.Status), "message": a.Message, "expiration": fmt.Sprintf("%ds", int64(a.Expiration/time.Second))})
		if err != nil {
			t.Fatal(err)
		}
		b, err := ParseAnswer(again)
		if err != nil || b != a {
			t.Fatalf("%+v reads as %+v (%v)", a, b, err)
		}
	})
}
