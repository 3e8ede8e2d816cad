//go:build linux

// Command limit shows how fast files can be written at all: the same names,
// modes and bytes as a package manager writes, from memory, and one sync.
//
//	limit pack PACK TREE...    gather trees in PACK and PACK.data
//	limit write PACK DIR       write all of them to DIR, with two writers
//	limit change OLD NEW DIR   write those that NEW has of other size or time
//	                           aside and rename them, as an upgrade does
//
// PACK.data is mapped to memory. What was packed last is in the page cache, as
// packages are whose download has just ended. Owners and times are not set.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "limit:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) > 2 && args[0] == "pack":
		return pack(args[1], args[2:])
	case len(args) == 3 && args[0] == "write":
		return write(args[1], args[2])
	case len(args) == 4 && args[0] == "change":
		return change(args[1], args[2], args[3])
	}
	return fmt.Errorf("usage: limit pack PACK TREE... | write PACK DIR | change OLD NEW DIR")
}
