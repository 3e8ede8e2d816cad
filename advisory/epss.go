package advisory

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"muster"
)

// Scores say of each vulnerability how likely it is to be exploited within 30 days: those
// of the Exploit Prediction Scoring System (EPSS) on one day. There are some 300,000; each
// takes 16 bytes. They may be used by several goroutines.
type Scores struct {
	Model string // "v2025.03.14"; "" not known
	Day   string // "2026-11-20"; "" not known
	all   []likelihood
}

// A likelihood is of one CVE. Parts are of a thousand million.
type likelihood struct {
	cve              uint64 // year, and in the lower half the number
	epss, percentile uint32
}

// Bounds of a list of scores; the real one has 300,000 in 9 MB.
const (
	maxScoreBytes = 256 << 20
	maxScores     = 3_000_000
	maxScoreLine  = 1 << 10
	scoreUnit     = 1_000_000_000
)

// ParseEPSS reads the scores of a day, as epss_scores-YYYY-MM-DD.csv has them: a comment
// with model and day, a head, and lines of CVE, score and percentile.
//
//	#model_version:v2025.03.14,score_date:2026-11-20T12:55:00Z
//	cve,epss,percentile
//	CVE-1999-0001,0.01141,0.77501
//
// A line that has none of these goes to [Options.Skip].
func ParseEPSS(r io.Reader, o Options) (*Scores, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = maxScoreBytes
	}
	text, end, err := o.document(r)
	if err != nil {
		return nil, err
	}
	defer end()
	in := bufio.NewScanner(text)
	in.Buffer(nil, maxScoreLine)
	s := &Scores{}
	if err := s.head(in, &o); err != nil {
		return nil, err
	}
	for in.Scan() {
		if err := s.line(in.Text(), &o); err != nil {
			return nil, err
		}
	}
	if err := in.Err(); err != nil {
		return nil, muster.Errorf(muster.Invalid, "cannot read %q: %w", o.Name, err)
	}
	slices.SortStableFunc(s.all, func(a, b likelihood) int { return cmp.Compare(a.cve, b.cve) })
	s.all = slices.CompactFunc(s.all, func(a, b likelihood) bool { return a.cve == b.cve })
	return s, nil
}

// head reads what stands before the scores. Lists of 2021 have no comment.
func (s *Scores) head(in *bufio.Scanner, o *Options) error {
	for in.Scan() {
		line := strings.TrimSpace(strings.TrimPrefix(in.Text(), "\ufeff"))
		comment, is := strings.CutPrefix(line, "#")
		if !is {
			if line != "cve,epss,percentile" {
				break
			}
			return nil
		}
		for _, field := range strings.Split(comment, ",") {
			switch key, value, _ := strings.Cut(field, ":"); strings.TrimSpace(key) {
			case "model_version":
				s.Model = Summarize(value)
			case "score_date":
				s.Day = Summarize(value[:min(len(value), len("2026-11-20"))])
			}
		}
	}
	if err := in.Err(); err != nil {
		return muster.Errorf(muster.Invalid, "cannot read %q: %w", o.Name, err)
	}
	return muster.Errorf(muster.Invalid, "%q is no list of scores of EPSS: the line \"cve,epss,percentile\" is missing", o.Name)
}

func (s *Scores) line(line string, o *Options) error {
	if line = strings.TrimSpace(line); line == "" {
		return nil
	}
	cve, rest, _ := strings.Cut(line, ",")
	epss, percentile, _ := strings.Cut(rest, ",")
	var one likelihood
	var ok bool
	var err error
	if one.cve, ok = cveNumber(cve); !ok {
		err = fmt.Errorf("%.40q is no CVE", cve)
	} else if one.epss, err = parts(epss); err == nil {
		one.percentile, err = parts(percentile)
	}
	if err != nil {
		return o.skip(Summarize(cve), err)
	}
	if len(s.all) == maxScores {
		return muster.Errorf(muster.Invalid, "%q has more than %d scores", o.Name, maxScores)
	}
	s.all = append(s.all, one)
	return nil
}

// parts reads a number of 0 to 1.
func parts(text string) (uint32, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(0 <= f && f <= 1) {
		return 0, fmt.Errorf("%.40q is no number of 0 to 1", text)
	}
	return uint32(math.Round(f * scoreUnit)), nil
}

// cveNumber makes a number of a CVE: the year, and its number there, whatever zeros are
// before that.
func cveNumber(name string) (n uint64, ok bool) {
	rest, ok := strings.CutPrefix(name, "CVE-")
	if !ok || len(rest) < 6 || len(rest) > 14 || rest[4] != '-' || rest[:4] < "1980" {
		return 0, false
	}
	year, err := strconv.ParseUint(rest[:4], 10, 16)
	number, bad := strconv.ParseUint(rest[5:], 10, 32)
	if err != nil || bad != nil {
		return 0, false
	}
	return year<<32 | number, true
}

// Len is how many there are.
func (s *Scores) Len() int { return len(s.all) }

// Of is the score of a CVE and the share of all that have a lower one.
func (s *Scores) Of(cve string) (epss, percentile float64, ok bool) {
	n, ok := cveNumber(cve)
	if !ok || s == nil {
		return 0, 0, false
	}
	i, ok := slices.BinarySearchFunc(s.all, n, func(a likelihood, n uint64) int { return cmp.Compare(a.cve, n) })
	if !ok {
		return 0, 0, false
	}
	return float64(s.all[i].epss) / scoreUnit, float64(s.all[i].percentile) / scoreUnit, true
}

// Highest is the highest score among the names of an advisory, 0 where none is known:
// who may be attacked by several is attacked by the easiest.
func (s *Scores) Highest(names ...string) (epss, percentile float64) {
	for _, name := range names {
		if e, p, ok := s.Of(cveOf(name)); ok && e > epss {
			epss, percentile = e, p
		}
	}
	return epss, percentile
}

// Mark writes into an advisory how likely it is to be exploited.
func (s *Scores) Mark(a *Advisory) {
	if s == nil {
		return
	}
	a.EPSS, a.Percentile = s.Highest(append([]string{a.ID}, a.Aliases...)...)
}

// Encode writes scores for [DecodeScores]: model and day with a line feed behind each,
// then for each score varints of the gap to the CVE before, the score and the percentile.
func (s *Scores) Encode() []byte {
	b := append([]byte(s.Model), '\n')
	b = append(append(b, s.Day...), '\n')
	last := uint64(0)
	for _, one := range s.all {
		b = binary.AppendUvarint(b, one.cve-last)
		b = binary.AppendUvarint(b, uint64(one.epss))
		b = binary.AppendUvarint(b, uint64(one.percentile))
		last = one.cve
	}
	return b
}

// DecodeScores undoes [Scores.Encode].
func DecodeScores(b []byte) (*Scores, error) {
	s := &Scores{}
	for _, to := range []*string{&s.Model, &s.Day} {
		i := slices.Index(b, '\n')
		if i < 0 || i > 2*MaxSummary {
			return nil, errScores()
		}
		*to, b = string(b[:i]), b[i+1:]
	}
	for last := uint64(0); len(b) > 0; {
		var v [3]uint64
		for i := range v {
			n := 0
			if v[i], n = binary.Uvarint(b); n <= 0 {
				return nil, errScores()
			}
			b = b[n:]
		}
		if v[0] == 0 || v[0] > math.MaxUint64-last || v[1] > scoreUnit || v[2] > scoreUnit || len(s.all) == maxScores {
			return nil, errScores()
		}
		last += v[0]
		s.all = append(s.all, likelihood{last, uint32(v[1]), uint32(v[2])})
	}
	return s, nil
}

func errScores() error { return muster.Errorf(muster.Invalid, "scores are damaged") }
