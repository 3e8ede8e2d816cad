package agent

import (
	"time"

	"muster/internal/script"
)

// systemInstant reads the clocks of the system.
func systemInstant() Instant { return Instant{Wall: time.Now(), Up: uptime()} }

// systemConditions looks at the machine. What cannot be found out holds nothing
// up.
func systemConditions(processes []string) Conditions {
	running, err := script.Running(processes)
	if err != nil {
		running = nil
	}
	return Conditions{Battery: onBattery(), Metered: onMetered(), Running: running}
}

// Flags of NLM_CONNECTION_COST (netlistmgr.h) of connections on which bytes are counted, or
// dear. Without one, or with UNRESTRICTED alone, they are neither.
const (
	costFixed     = 0x2
	costVariable  = 0x4
	costOverLimit = 0x10000
	costRoaming   = 0x40000
)

// costsMoney reports whether a connection of that cost is one.
func costsMoney(cost uint32) bool {
	return cost&(costFixed|costVariable|costOverLimit|costRoaming) != 0
}
