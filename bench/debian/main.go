// Command debian makes from a Packages file of Debian what benchmarks work on:
//
//	debian change N FILE             FILE with N of its packages in a newer version
//	debian status N FILE NAME...     a status file of dpkg: NAMEs and what they need
//	                                 are installed, N of them in an older version
//	debian repo DIR FILE             the muster repository in DIR lists FILE
//
// The first two print. The repository is signed and complete but for the package
// files; where it exists it is followed up, with changes.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "debian:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("three arguments are needed")
	}
	text, n := "", 0
	var err error
	if args[0] == "repo" {
		text, err = readText(args[2])
	} else if n, err = strconv.Atoi(args[1]); err == nil {
		text, err = readText(args[2])
	}
	if err != nil {
		return err
	}
	switch args[0] {
	case "change":
		return change(os.Stdout, text, n)
	case "status":
		return status(os.Stdout, text, n, args[3:])
	case "repo":
		return publish(args[1], text)
	}
	return fmt.Errorf("unknown verb %q", args[0])
}

func readText(name string) (string, error) {
	text, err := os.ReadFile(name)
	return string(text), err
}
