package sitereport

import (
	"bytes"
	"slices"
	"strings"

	"muster"
	"muster/inventory"
)

// A Found is something that is published against a package of a report.
type Found struct {
	Name, Version, Arch string // of the package, as reported
	ID                  string // of the advisory
	Tag                 string // how bad it is: "high", "high,exploited"
	Fixed               string // first version that is good; "" none, or not known
}

// What answers begin with.
const (
	AnswerOK    = "OK\n"
	AnswerKept  = "KEPT\n" // not opened yet
	AnswerError = "ERROR\n"
)

// MaxAnswer bounds the bytes of an answer.
const MaxAnswer = 8 << 20

func (f *Found) texts() [6]*string {
	return [...]*string{&f.Name, &f.Version, &f.Arch, &f.ID, &f.Tag, &f.Fixed}
}

// Answer writes what a collector answers to a report that it took: six fields a line.
func Answer(found []Found) []byte { return answer(found, 6) }

// AnswerPakiti is [Answer] for Pakiti's clients, with five fields a line.
func AnswerPakiti(found []Found) []byte { return answer(found, 5) }

// answer sorts lines and ends at the last that MaxAnswer has room for.
func answer(found []Found, columns int) []byte {
	all := make([]string, 0, len(found))
	for i := range found {
		fields := make([]string, columns)
		for c, s := range found[i].texts() {
			if c < columns {
				fields[c] = inventory.Text(*s)
			}
		}
		all = append(all, strings.Join(fields, "\t")+"\n")
	}
	slices.Sort(all)
	b := []byte(AnswerOK)
	for _, line := range slices.Compact(all) {
		if len(b)+len(line) > MaxAnswer {
			break
		}
		b = append(b, line...)
	}
	return b
}

// ParseAnswer reads the body of an answer: what was found, or that the report was
// kept for later.
func ParseAnswer(data []byte) (found []Found, kept bool, err error) {
	if len(data) > MaxAnswer {
		return nil, false, muster.Errorf(muster.Invalid, "the answer has more than %d bytes", MaxAnswer)
	}
	if bytes.Equal(data, []byte(AnswerKept)) {
		return nil, true, nil
	}
	rest, ok := strings.CutPrefix(string(data), AnswerOK)
	if !ok {
		return nil, false, muster.Errorf(muster.Invalid, "what answers is no collector: %.60q", inventory.Text(string(data[:min(len(data), inventory.MaxText)])))
	}
	for line := range strings.Lines(rest) {
		f, err := parseFound(line)
		if err != nil {
			return nil, false, err
		}
		found = append(found, f)
	}
	return found, false, nil
}

func parseFound(line string) (f Found, err error) {
	line, ok := strings.CutSuffix(line, "\n")
	if !ok || strings.Count(line, "\t") != 5 {
		return f, muster.Errorf(muster.Invalid, "%.80q is no line of an answer", line)
	}
	for _, s := range f.texts() {
		if *s, line, _ = strings.Cut(line, "\t"); !isText(*s) {
			return f, muster.Errorf(muster.Invalid, "the answer has what is no text: %.40q", *s)
		}
	}
	return f, nil
}
