// Medians makes a row of a table in Markdown of each kind of line that the benchmarks of
// a fleet print, with the median of every number in it:
//
//	medians PART < the output of go test -bench
//
// Lines are of one kind that are the same but for their numbers. Of the result lines of
// benchmarks the figures that have a unit are taken.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: medians PART|-head < OUTPUT")
		os.Exit(2)
	}
	if os.Args[1] == "-head" {
		fmt.Print("| part | measured, medians | turns |\n| --- | --- | --- |\n")
		return
	}
	if err := rows(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// number is one that is measured: not a part of a name, such as p99 or 7-Zip.
var number = regexp.MustCompile(`(^|[ (])(\d+(?:m\d+)?(?:\.\d+)?)(m?s\b)?`)

// A kind is lines that differ in their numbers alone.
type kind struct {
	text    string
	numbers [][]float64 // by place, then by turn
}

// rows prints the medians of the lines of a part.
func rows(part string, in io.Reader, out io.Writer) error {
	var all []*kind
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text, measured := measured(lines.Text())
		if !measured {
			continue
		}
		text, numbers := split(text)
		i := slices.IndexFunc(all, func(k *kind) bool { return k.text == text })
		if i < 0 {
			i = len(all)
			all = append(all, &kind{text: text, numbers: make([][]float64, len(numbers))})
		}
		for j, n := range numbers {
			all[i].numbers[j] = append(all[i].numbers[j], n)
		}
	}
	for _, k := range all {
		if _, err := fmt.Fprintf(out, "| %s | %s | %d |\n", part, k.medians(), k.turns()); err != nil {
			return err
		}
	}
	return lines.Err()
}

var (
	logged = regexp.MustCompile(`^\s+bench_\w+\.go:\d+: (.*)$`)
	result = regexp.MustCompile(`^(Benchmark\S+?)(?:-\d+)?\s+\d+\s+(.*\S)\s*$`)
	spaces = regexp.MustCompile(`\s+`)
)

// measured is what a line of the output says, if it says something that was measured.
func measured(line string) (string, bool) {
	if m := logged.FindStringSubmatch(line); m != nil {
		return m[1], true
	}
	if m := result.FindStringSubmatch(line); m != nil {
		return m[1] + ": " + spaces.ReplaceAllString(strings.ReplaceAll(m[2], "0 ns/op", ""), " "), true
	}
	return line, strings.HasPrefix(line, "part ") || strings.HasPrefix(line, "--- FAIL")
}

// split takes the numbers out of a line, each of which leaves a mark.
func split(line string) (text string, numbers []float64) {
	text = number.ReplaceAllStringFunc(line, func(s string) string {
		m := number.FindStringSubmatch(s)
		n, unit := seconds(m[2], m[3])
		numbers = append(numbers, n)
		return m[1] + "\x00" + unit
	})
	return text, numbers
}

// seconds has durations that Go prints in one unit.
func seconds(digits, unit string) (float64, string) {
	minutes, rest, long := strings.Cut(digits, "m")
	if !long {
		n, _ := strconv.ParseFloat(digits, 64) // the expression allows nothing else
		return n, unit
	}
	m, _ := strconv.ParseFloat(minutes, 64)
	s, _ := strconv.ParseFloat(rest, 64)
	return 60*m + s, unit
}

func (k *kind) turns() int {
	if len(k.numbers) == 0 {
		return 1
	}
	return len(k.numbers[0])
}

// medians is the line with the median of each number.
func (k *kind) medians() string {
	text := k.text
	for _, n := range k.numbers {
		text = strings.Replace(text, "\x00", strconv.FormatFloat(median(n), 'g', 5, 64), 1)
	}
	return strings.ReplaceAll(text, "|", "\\|")
}

func median(n []float64) float64 {
	n = slices.Sorted(slices.Values(n))
	return (n[(len(n)-1)/2] + n[len(n)/2]) / 2
}
