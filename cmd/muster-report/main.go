// Command muster-report tells the collector of a site what packages a host has.
package main

import (
	"os"

	"muster/internal/reporter"
)

func main() { os.Exit(reporter.Main(os.Args[1:], os.Stdout, os.Stderr)) }
