//go:build !linux && !windows

package agent

import "time"

var started = time.Now()

// uptime is the time since the agent started, without that in which the machine
// slept.
func uptime() time.Duration { return time.Since(started) }

// Neither FreeBSD nor macOS says in a file what powers the machine, or what a
// connection costs: the agent takes them to be on mains and free.
func onBattery() bool { return false }
func onMetered() bool { return false }

// stopping: nobody says here why a service is stopped, so an upgrade at shutdown is
// not made.
func stopping() bool { return false }
