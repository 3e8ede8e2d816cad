package agent

import "os"

// interrupt ends a process: a service has no console to ask by. What it was doing
// to a root is finished or taken back at the next start.
func interrupt(p *os.Process) error { return p.Kill() }
