//go:build unix

package script

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// softwareLists are the commands that print what is installed: name, version
// and publisher, separated by tabs. The dpkg line has the state in front.
var softwareLists = [][]string{
	{"dpkg-query", "-W", "-f", "${db:Status-Status}\t${Package}\t${Version}\t${Maintainer}\n"},
	{"rpm", "-qa", "--qf", "%{NAME}\t%{VERSION}-%{RELEASE}\t%{VENDOR}\n"},
	{"pkg", "query", "%n\t%v\t%m"},
	{"pkgutil", "--pkgs"},
}

// listSoftware asks every package manager that is there.
func listSoftware() ([]software, error) {
	var all []software
	for _, words := range softwareLists {
		if lookPath(words[0]) == "" {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		out, err := exec.CommandContext(ctx, words[0], words[1:]...).Output()
		cancel()
		if err != nil {
			return nil, err
		}
		text := string(out)
		if words[0] == "dpkg-query" {
			text = onlyInstalled(text)
		}
		all = append(all, parseSoftware(text)...)
	}
	return all, nil
}

// onlyInstalled drops packages of which dpkg keeps configuration only.
func onlyInstalled(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if state, rest, _ := strings.Cut(line, "\t"); state == "installed" {
			b.WriteString(rest)
		}
	}
	return b.String()
}
