//go:build linux

// Command measure runs commands in turns, and prints a table of the medians of
// what they took.
//
//	measure [-runs 5] [-bytes LOG] FILE
//
// Each line of FILE is "question | who | preparation | command", the last two for sh.
// The preparation is not measured. What differs between the runs of a machine that
// others use hits everybody alike, because all commands have run once before
// the first runs again. Ratios are to the first line of the same question, which is
// ours. LOG is an access log of a web server, whose last field is the bytes sent.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A contest is one line of the file.
type contest struct {
	question, who, prepare, command string
	runs                            []run
}

// A run is what one execution took.
type run struct {
	wall, cpu float64 // seconds
	peak      float64 // MB resident, of the largest process
	bytes     float64 // sent by the server
}

func main() {
	runs := flag.Int("runs", 5, "how often each command runs")
	log := flag.String("bytes", "", "access log of the server that the commands ask")
	flag.Parse()
	if err := measure(flag.Arg(0), *runs, *log); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func measure(file string, runs int, log string) error {
	all, err := read(file)
	if err != nil {
		return err
	}
	for range runs {
		for _, c := range all {
			r, err := c.run(log)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", c.question, c.who, err)
			}
			c.runs = append(c.runs, r)
		}
	}
	table(all, log != "")
	return nil
}

func read(file string) (all []*contest, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), " | ", 4)
		if len(parts) != 4 {
			return nil, fmt.Errorf("%q is not of four parts", line)
		}
		all = append(all, &contest{question: parts[0], who: parts[1], prepare: parts[2], command: parts[3]})
	}
	return all, nil
}

func (c *contest) run(log string) (run, error) {
	if out, err := exec.Command("sh", "-c", c.prepare).CombinedOutput(); err != nil {
		return run{}, fmt.Errorf("preparation: %w: %s", err, out)
	}
	before, err := sent(log)
	if err != nil {
		return run{}, err
	}
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", "exec "+c.command)
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return run{}, fmt.Errorf("%w: %s", err, out.Bytes())
	}
	time.Sleep(50 * time.Millisecond) // the server writes its log behind the answer
	after, err := sent(log)
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return run{wall.Seconds(), cpu.Seconds(), float64(used.Maxrss) / 1024, after - before}, err
}

// sent is the bytes that the server has sent in all.
func sent(log string) (sum float64, err error) {
	if log == "" {
		return 0, nil
	}
	text, err := os.ReadFile(log)
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		n, _ := strconv.ParseFloat(fields[len(fields)-1], 64)
		sum += n
	}
	return sum, err
}

func table(all []*contest, bytes bool) {
	head, rule := "| question | who | wall s | CPU s | peak MB | wall, of ours | CPU, of ours |", "| --- | --- | --- | --- | --- | --- | --- |"
	if bytes {
		head, rule = head+" bytes |", rule+" --- |"
	}
	fmt.Printf("%s\n%s\n", head, rule)
	var first *contest
	for _, c := range all {
		if first == nil || first.question != c.question {
			first = c
		}
		wall, cpu := c.median(wallOf), c.median(cpuOf)
		fmt.Printf("| %s | %s | %.3f | %.3f | %.0f | %.1f | %.1f |", c.question, c.who, wall, cpu, c.median(peakOf),
			wall/first.median(wallOf), cpu/first.median(cpuOf))
		if bytes {
			fmt.Printf(" %.0f |", c.median(bytesOf))
		}
		fmt.Println()
	}
}

func wallOf(r run) float64  { return r.wall }
func cpuOf(r run) float64   { return r.cpu }
func peakOf(r run) float64  { return r.peak }
func bytesOf(r run) float64 { return r.bytes }

func (c *contest) median(of func(run) float64) float64 {
	var list []float64
	for _, r := range c.runs {
		list = append(list, of(r))
	}
	slices.Sort(list)
	return list[len(list)/2]
}
