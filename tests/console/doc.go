// Package console drives the console in a real browser: the built musterd with a small
// fleet, Debian's chromium, and axe-core to find what people with other eyes and hands
// cannot use.
//
// Start with world_test.go, which has the fleet, and tab_test.go, which has what a person
// does in a browser. A page of the console gets all of its checks by a row in the table of
// looks_test.go.
package console
