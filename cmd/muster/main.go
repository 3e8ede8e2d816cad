// Command muster builds, publishes and installs signed packages.
package main

import (
	"os"

	"muster/internal/cli"
	"muster/internal/script"
)

func main() {
	script.Child() // when this process runs a package's action
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
