// Package recipes carries the recipes that `muster demo` builds from, so that
// the demonstration needs nothing but the program. The folders beside this
// file are the project's own recipes, each a working example.
package recipes

import "embed"

// Demo holds the recipes of two real tools, of what one of them depends on, and
// of a text that a site has on its hosts.
//
//go:embed all:age all:age-examples all:shfmt all:welcome
var Demo embed.FS
