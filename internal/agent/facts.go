package agent

import (
	"context"
	"os"
	"runtime"
	"time"

	"muster/api"
	"muster/internal/collect"
	"muster/internal/engine"
)

// factsOf says what a host is, for the person who lets it in. What cannot be read
// is left out.
func factsOf(ctx context.Context, e *engine.Engine, version string) api.Facts {
	f := api.Facts{OS: runtime.GOOS, Arch: runtime.GOARCH, Agent: version}
	f.Hostname, _ = os.Hostname()
	r, err := collect.Collect(ctx, collect.Options{Root: collectRoot(e), Sections: []string{"system", "hardware"}, Now: time.Now()})
	if err != nil {
		return f
	}
	if s := r.Document.System; s != nil {
		f.Hostname, f.OSName, f.MachineID = s.Hostname, s.Name, s.MachineID
		if s.Domain != "" {
			f.FQDN = s.Hostname + "." + s.Domain
		}
	}
	if h := r.Document.Hardware; h != nil {
		f.Serial, f.Hardware = h.Serial, h.UUID
	}
	return f
}
