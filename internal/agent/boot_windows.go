package agent

import (
	"strconv"
	"time"
)

// bootID names the time since the machine was started last, to ten minutes: of a
// clock that is set by more, what was no reboot is taken for one.
func bootID() string {
	return strconv.FormatInt(time.Now().Add(-uptime()).Round(10*time.Minute).Unix(), 10)
}

// rebootCommands start the machine anew, the first that is there. Who works at it
// is told, and has a minute.
var rebootCommands = [][]string{{"shutdown", "/r", "/t", "60"}}
