package reporter

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// cronFlag is how often to report: "daily" where nothing is said.
type cronFlag string

func (c *cronFlag) String() string   { return string(*c) }
func (c *cronFlag) IsBoolFlag() bool { return true }

func (c *cronFlag) Set(s string) error {
	switch s {
	case "true":
		s = "daily"
	case "daily", "hourly":
	default:
		return fmt.Errorf("it is daily or hourly")
	}
	*c = cronFlag(s)
	return nil
}

// printCron prints a line for crontab(5), or for the Task Scheduler of Windows.
func (r *reporter) printCron() error {
	host := r.opts.host
	if host == "" {
		var err error
		if host, err = os.Hostname(); err != nil {
			return err
		}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	command := append([]string{program}, r.opts.again()...)
	for _, word := range command {
		// What follows would be a line of its own, which cron runs.
		if strings.ContainsAny(word, "\r\n") {
			return usage("cannot make a line for cron: %q has a line feed", word)
		}
	}
	_, err = fmt.Fprintln(r.out, schedule(runtime.GOOS, r.opts.cron, moment(host), command))
	return err
}

// moment is a minute of the day that follows from a host's name, so that hosts of a
// site report one after the other, each always at its own time.
func moment(host string) int {
	sum := sha256.Sum256([]byte(strings.ToLower(host)))
	return int(binary.BigEndian.Uint64(sum[:]) % (24 * 60))
}

func schedule(system, often string, minute int, command []string) string {
	if system == "windows" {
		for i, word := range command {
			if strings.ContainsAny(word, " \t&") {
				command[i] = `\"` + word + `\"`
			}
		}
		return fmt.Sprintf(`schtasks /Create /TN muster-report /SC %s /ST %02d:%02d /TR "%s"`, strings.ToUpper(often), minute/60, minute%60, strings.Join(command, " "))
	}
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = shellWord(word)
	}
	hour := fmt.Sprint(minute / 60)
	if often == "hourly" {
		hour = "*"
	}
	return fmt.Sprintf("%d %s * * * %s", minute%60, hour, strings.Join(words, " "))
}

const plainLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+:,./@"

// shellWord quotes a word for sh. Most crons take % for the end of a line unless a
// backslash stands before it, which they take away; for others it stands outside of
// the quotes, where sh does.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, plainLetters) == "" {
		return s
	}
	quoted := "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	return strings.ReplaceAll(quoted, "%", `'\%'`)
}

// files are options that name files: cron starts elsewhere.
var files = []string{"ca", "cert", "config", "key", "key-cert", "out", "root", "secret-file", "spool"}

// again are the words that give the same options again, but for --cron.
func (o *options) again() (words []string) {
	for _, name := range slices.Sorted(maps.Keys(o.given)) {
		value := o.given[name]
		if name == "cron" {
			continue
		}
		if abs, err := filepath.Abs(value); err == nil && slices.Contains(files, name) && value != noSpool {
			value = abs
		}
		words = append(words, "--"+name+"="+value)
	}
	return words
}
