// Package sites holds whole-system scripts of sites: the built server, whose hosts
// report without an agent by muster-report, by a shell script and as clients of Pakiti
// do, and people who look at them on the command line.
package sites
