package advisory

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"muster"
)

const someScores = "#model_version:v2025.03.14,score_date:2026-11-20T12:55:00Z\ncve,epss,percentile\nCVE-2026-1001,0.94321,0.99912\nCVE-1999-0001,1e-05,0.0\nCVE-2026-1234567,0.00042,0.12345\n"

func TestEPSS(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	fmt.Fprint(w, someScores)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{someScores, zipped.String(), strings.ReplaceAll(someScores, "\n", "\r\n")} {
		s, err := ParseEPSS(strings.NewReader(text), Options{Name: "epss.csv"})
		if err != nil || s.Len() != 3 || s.Model != "v2025.03.14" || s.Day != "2026-11-20" {
			t.Fatalf("%+v, %v", s, err)
		}
		for cve, want := range map[string]string{
			"CVE-2026-1001": "0.94321 0.99912 true", "CVE-1999-0001": "1e-05 0 true", "CVE-2026-1234567": "0.00042 0.12345 true",
			"CVE-2026-1002": "0 0 false", "DSA-1": "0 0 false", "": "0 0 false",
		} {
			e, p, ok := s.Of(cve)
			if got := fmt.Sprint(e, p, ok); got != want {
				t.Errorf("%s: %s, want %s", cve, got, want)
			}
		}
		a := &Advisory{ID: "DSA-1", Aliases: []string{"CVE-1999-0001", "CVE-2026-1234567", "DEBIAN-CVE-2026-9"}}
		if s.Mark(a); a.EPSS != 0.00042 || a.Percentile != 0.12345 {
			t.Errorf("%+v", a)
		}
	}
	var none *Scores
	if e, _ := none.Highest("CVE-2026-1001"); e != 0 {
		t.Error(e)
	}
}

// TestEPSSRefuses: a line that is none is left out and named; another file is no list.
func TestEPSSRefuses(t *testing.T) {
	var got imported
	o, _ := got.take("epss.csv")
	s, err := ParseEPSS(strings.NewReader("cve,epss,percentile\nCVE-2026-1,0.1,0.1\nCVE-2026-00001,0.1,0.1\nCVE-2026-0001,2,0.1\nCVE-2026-0002,NaN,0.1\nCVE-2026-0003,0.1\nhello\nCVE-2026-0004,0.5,0.5\nCVE-2026-0004,0.6,0.5\n"), o)
	if err != nil || len(got.skipped) != 4 || s.Len() != 2 {
		t.Errorf("%v %q %+v", err, got.skipped, s)
	}
	if e, _, _ := s.Of("CVE-2026-0004"); e != 0.5 {
		t.Errorf("the first does not count: %v", e)
	}
	for _, text := range []string{"", "hello", "#x\n", "<html>\n", "cve,epss\n", "#" + strings.Repeat("x", 10_000)} {
		if _, err := ParseEPSS(strings.NewReader(text), Options{Name: "epss.csv"}); muster.KindOf(err) != muster.Invalid || !strings.Contains(err.Error(), "epss.csv") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// FuzzEPSS: what is read is the same when it is read again, and when it is written and
// read; and every score is of a CVE, between 0 and 1.
func FuzzEPSS(f *testing.F) {
	f.Add([]byte(someScores))
	f.Add([]byte("v1\n2026-11-20\n\x01\x02\x03"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := DecodeScores(data); err == nil {
			again, err := DecodeScores(s.Encode())
			if err != nil || !bytes.Equal(again.Encode(), s.Encode()) {
				t.Errorf("%v", err)
			}
		}
		s, err := ParseEPSS(bytes.NewReader(data), Options{Name: "fuzz", MaxBytes: 1 << 20, Skip: func(string, error) error { return nil }})
		if err != nil {
			if muster.KindOf(err) != muster.Invalid {
				t.Error(err)
			}
			return
		}
		again, err := DecodeScores(s.Encode())
		if err != nil || again.Len() != s.Len() || again.Model != s.Model || again.Day != s.Day {
			t.Fatalf("%v: %+v, and %+v", err, s, again)
		}
		for _, one := range s.all {
			cve := fmt.Sprintf("CVE-%d-%04d", one.cve>>32, one.cve&0xffffffff)
			e, p, ok := again.Of(cve)
			if !ok || e < 0 || e > 1 || p < 0 || p > 1 {
				t.Errorf("%s: %v %v %v", cve, e, p, ok)
			}
		}
	})
}
