package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"muster/deb822"
	"muster/internal/plan"
	"muster/version"
)

// change prints text with n packages in a newer version: the version, the file
// name and the checksums differ.
func change(w io.Writer, text string, n int) error {
	all, err := deb822.Parse(text)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(50, 1))
	for _, i := range r.Perm(len(all))[:min(n, len(all))] {
		s := all[i]
		old := s.Get("Version")
		for j := range s {
			switch s[j].Name {
			case "Version":
				s[j].Value += "+u1"
			case "Filename":
				s[j].Value = strings.Replace(s[j].Value, "_", "_u1", 1)
			case "SHA256", "MD5sum":
				s[j].Value = mixed(s[j].Value)
			}
		}
		if old == "" {
			return fmt.Errorf("stanza %d has no version", i+1)
		}
	}
	return printStanzas(w, all)
}

// mixed is another checksum of that length.
func mixed(sum string) string { return sum[len(sum)/3:] + sum[:len(sum)/3] }

func printStanzas(w io.Writer, all []deb822.Stanza) error {
	b := bufio.NewWriter(w)
	for _, s := range all {
		b.Write(s.Append(nil))
		b.WriteByte('\n')
	}
	return b.Flush()
}

// status prints what is installed once the named packages are, n of them one
// version behind: none that something else needs in its newest version, for
// apt does not work on what is broken.
func status(w io.Writer, text string, n int, names []string) error {
	packages, chosen, err := installed(text, names)
	if err != nil {
		return err
	}
	all, err := deb822.Parse(text)
	if err != nil {
		return err
	}
	var there []deb822.Stanza
	var free []int // of there: what may be older
	needed := exactly(packages, chosen)
	for _, i := range chosen {
		s := append(all[packages[i].Index], deb822.Field{Name: "Status", Value: "install ok installed"})
		if !needed[packages[i].Name] {
			free = append(free, len(there))
		}
		there = append(there, s)
	}
	if len(free) < n {
		return fmt.Errorf("only %d of %d packages can be older", len(free), len(there))
	}
	r := rand.New(rand.NewPCG(300, 1))
	for _, i := range r.Perm(len(free))[:n] {
		s := there[free[i]]
		for j := range s {
			if s[j].Name == "Version" {
				s[j].Value += "~old"
			}
		}
	}
	return printStanzas(w, there)
}

// installed plans the named packages from nothing. chosen are numbers of packages.
func installed(text string, names []string) (packages []plan.Package, chosen []int, err error) {
	packages, err = plan.ReadDebian(text, "amd64")
	if err != nil {
		return nil, nil, err
	}
	number := map[*plan.Package]int{}
	for i := range packages {
		number[&packages[i]] = i
	}
	p := plan.Problem{Pool: plan.NewPool(plan.DebianRules(), packages)}
	p.Request.Install = relations(names)
	result, err := plan.Solve(p)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range result.Steps {
		chosen = append(chosen, number[s.To])
	}
	return packages, chosen, nil
}

// exactly names the packages that an installed one would no longer be content
// with if they were older, or would then conflict with.
func exactly(packages []plan.Package, chosen []int) map[string]bool {
	older := map[string]string{}
	for _, i := range chosen {
		older[packages[i].Name] = packages[i].Version + "~old"
	}
	needed := map[string]bool{}
	for _, i := range chosen {
		for _, d := range packages[i].Depends {
			for _, r := range d {
				needed[r.Name] = needed[r.Name] || !r.Constraint.MatchOrder(version.Dpkg, older[r.Name])
			}
		}
		for _, r := range packages[i].Conflicts {
			needed[r.Name] = needed[r.Name] || r.Constraint.MatchOrder(version.Dpkg, older[r.Name])
		}
	}
	return needed
}
