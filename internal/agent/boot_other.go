//go:build !linux && !windows && !darwin && !freebsd

package agent

// bootID: this system does not say when the machine was started.
func bootID() string { return "" }

// rebootCommands start the machine anew, the first that is there.
var rebootCommands = [][]string{{"shutdown", "-r", "now"}}
