// Package fleet holds whole-system scripts: a server, an administrator and two
// hosts, each in a network namespace of its own, all of them the built programs.
package fleet
