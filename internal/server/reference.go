package server

import _ "embed" // Reference

// Reference is a configuration file with every setting, its default and what it
// does. It is made of the comments in config.go, by 'go test -update'.
//
//go:embed reference.yaml
var Reference string
