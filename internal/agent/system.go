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
