package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kardianos/service"

	"muster"
)

// A Service is the agent as the system starts it: by systemd, launchd, rc or the
// service manager of Windows.
type Service struct {
	Exe  string // the program that the machine came with; an update lies elsewhere
	Root string
}

// Install has the system start the agent now and at every boot. One that is there
// already is replaced.
func (s *Service) Install() error {
	svc, err := s.service(nil)
	if err != nil {
		return err
	}
	if status, err := svc.Status(); err == nil {
		if status == service.StatusRunning {
			if err := svc.Stop(); err != nil {
				return serviceError("stop the agent that runs", err)
			}
		}
		if err := svc.Uninstall(); err != nil {
			return serviceError("replace the service", err)
		}
	}
	if err := svc.Install(); err != nil {
		return serviceError("install the service", err)
	}
	return serviceError("start the service", svc.Start())
}

// Uninstall stops the agent and has the system forget it.
func (s *Service) Uninstall() error {
	svc, err := s.service(nil)
	if err != nil {
		return err
	}
	if _, err := svc.Status(); errors.Is(err, service.ErrNotInstalled) {
		return muster.Errorf(muster.NotFound, "there is no service of the agent")
	}
	if err := svc.Stop(); err != nil {
		return serviceError("stop the agent", err)
	}
	return serviceError("remove the service", svc.Uninstall())
}

func serviceError(what string, err error) error {
	if err == nil {
		return nil
	}
	return muster.WithHint(muster.Errorf(muster.Denied, "cannot %s: %w", what, err), "services are for administrators: %s", asRoot)
}

// RunService runs the agent: on Windows, where it was started by the service
// manager, as that wants it, elsewhere as it is.
func RunService(ctx context.Context, run func(context.Context) error) error {
	if runtime.GOOS != "windows" || service.Interactive() {
		return run(ctx)
	}
	p := &program{ctx: ctx, run: run}
	svc, err := new(Service).service(p)
	if err != nil {
		return err
	}
	return errors.Join(svc.Run(), p.err)
}

// A program is the agent to a service manager.
type program struct {
	ctx   context.Context
	run   func(context.Context) error
	stop  context.CancelFunc
	ended chan struct{}
	err   error
}

func (p *program) Start(service.Service) error {
	ctx, stop := context.WithCancel(p.ctx)
	p.stop, p.ended = stop, make(chan struct{})
	go func() {
		p.err = p.run(ctx)
		close(p.ended)
	}()
	return nil
}

func (p *program) Stop(service.Service) error {
	p.stop()
	<-p.ended
	return nil
}

func (s *Service) service(p service.Interface) (service.Service, error) {
	config := &service.Config{
		Name:        "muster-agent",
		DisplayName: "muster agent",
		Description: "Keeps this machine's software as signed packages say",
		Executable:  s.Exe,
		Arguments:   []string{"agent", "run", "--root", s.Root},
		Option: service.KeyValue{
			"SystemdScript": strings.ReplaceAll(s.Unit(), "{{", "{ {"), // it is a template to them
			"KeepAlive":     true, "RunAtLoad": true,                   // launchd
			"OnFailure": "restart", "OnFailureDelayDuration": "10s", // Windows
		},
	}
	if p == nil {
		p = &program{}
	}
	svc, err := service.New(p, config)
	if err != nil {
		return nil, muster.Errorf(muster.Unavailable, "cannot make a service on this system: %w", err)
	}
	return svc, nil
}

// Unit is the unit of systemd. The agent changes all of the machine, as root, and
// starts what it has started itself: little can be taken from it. What is worked
// on when the machine stops has time to leave the root as it should be.
func (s *Service) Unit() string {
	return fmt.Sprintf(`[Unit]
Description=Keeps this machine's software as signed packages say
Documentation=man:muster(1)
Wants=network-online.target
After=network-online.target
ConditionPathExists=%s

[Service]
ExecStart=%s agent run --root %s
Restart=always
RestartSec=10
KillMode=mixed
TimeoutStopSec=15min
RuntimeDirectory=muster
RuntimeDirectoryMode=0755
UMask=0022
Nice=10
IOSchedulingClass=idle
MemoryHigh=512M
LockPersonality=yes
RestrictRealtime=yes
KeyringMode=private

[Install]
WantedBy=multi-user.target
`, unitPath(s.Exe), unitProgram(s.Exe), unitWord(s.Root))
}

// unitWord quotes a word of a command line (systemd.syntax(7)): a percent sign
// begins a specifier, a dollar sign a variable.
func unitWord(s string) string {
	return strings.ReplaceAll(unitProgram(s), "$", "$$")
}

// unitProgram is unitWord for the program itself, in which a dollar sign is one.
func unitProgram(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(filepath.ToSlash(s)) + `"`
}

// unitPath is a path that is a whole value.
func unitPath(s string) string { return strings.ReplaceAll(s, "%", "%%") }
