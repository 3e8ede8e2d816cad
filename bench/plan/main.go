// Command plan plans as a whole process from Debian's own index, or from the
// same index as a muster repository keeps it, and proves the plan.
//
//	plan (-packages FILE | -index FILE) [-status FILE] [NAME...]
//
// With -status, a status file of dpkg, that is installed, and without names all
// of it is upgraded. It serves run.sh, which compares with apt.
package main

import (
	"flag"
	"fmt"
	"os"

	"muster"
	"muster/control"
	"muster/index"
	"muster/internal/plan"
)

func main() {
	packages := flag.String("packages", "", "Packages file of Debian")
	own := flag.String("index", "", "index of a muster repository")
	status := flag.String("status", "", "status file of dpkg")
	steps := flag.Bool("steps", false, "print every step")
	flag.Parse()
	p, err := solve(*packages, *own, *status, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "plan:", err)
		os.Exit(1)
	}
	if *steps {
		fmt.Print(p)
	}
	fmt.Println(len(p.Steps), "steps")
}

func solve(packages, own, status string, names []string) (*plan.Plan, error) {
	pool, err := readPool(packages, own)
	if err != nil {
		return nil, err
	}
	problem := plan.Problem{Pool: pool}
	if problem.State.Installed, err = readStatus(status); err != nil {
		return nil, err
	}
	for _, name := range names {
		problem.Request.Install = append(problem.Request.Install, control.Relation{Name: name})
	}
	problem.Request.UpgradeAll = len(names) == 0
	p, err := plan.Solve(problem)
	if err != nil {
		return nil, err
	}
	return p, plan.Check(problem, p)
}

func readPool(packages, own string) (*plan.Pool, error) {
	if own == "" {
		list, err := readDebian(packages)
		return plan.NewPool(plan.DebianRules(), list), err
	}
	text, err := os.ReadFile(own)
	if err != nil {
		return nil, err
	}
	x := index.Accepted(string(text)) // as a root takes what it kept itself
	list := make([]plan.Package, 0, x.Len())
	for i, e := range x.Outlines() {
		p := plan.FromControl(e.Control, muster.Platform{OS: "linux", Arch: "amd64"})
		p.Index = i
		list = append(list, p)
	}
	return plan.NewPool(plan.Rules{}, list), nil
}

func readDebian(name string) ([]plan.Package, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return plan.ReadDebian(string(text), "amd64")
}

func readStatus(name string) ([]plan.Installed, error) {
	if name == "" {
		return nil, nil
	}
	list, err := readDebian(name)
	if err != nil {
		return nil, err
	}
	all := make([]plan.Installed, len(list))
	for i, p := range list {
		all[i] = plan.Installed{Package: p, How: plan.Explicit}
	}
	return all, nil
}
