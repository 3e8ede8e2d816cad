package script

import (
	"os"
	"time"

	"go.starlark.net/starlark"
)

var serviceHelpers = []Helper{
	{
		Name: "service_start", Params: "name", Summary: "start a service", system: true,
		Example: "def on():\n    service_start(\"cron\")", fn: onService((*session).startService),
	},
	{
		Name: "service_stop", Params: "name", Summary: "stop a service", system: true,
		Example: "def off():\n    service_stop(\"cron\")", fn: onService((*session).stopService),
	},
	{
		Name: "service_restart", Params: "name", Summary: "stop and start a service", system: true,
		Example: "def again():\n    service_restart(\"cron\")", fn: onService((*session).restartService),
	},
	{
		Name: "service_enable", Params: "name", Summary: "start a service at boot from now on", system: true,
		Example: "def boot():\n    service_enable(\"cron\")", fn: onService((*session).enableService),
	},
	{
		Name: "service_disable", Params: "name", Summary: "do not start a service at boot any more", system: true,
		Example: "def no_boot():\n    service_disable(\"cron\")", fn: onService((*session).disableService),
	},
	{
		Name: "service_is_running", Params: "name", Summary: "whether a service runs", system: true,
		Example: "def check():\n    return \"OK\" if service_is_running(\"cron\") else \"ERROR\"", fn: askService((*session).serviceRuns),
	},
	{
		Name: "service_installed", Params: "name", Summary: "whether there is a service of this name", system: true,
		Example: "def maybe():\n    if service_installed(\"cron\"):\n        service_stop(\"cron\")", fn: askService((*session).serviceExists),
	},
	{
		Name: "systemd_daemon_reload", Params: "", Summary: "have systemd read its unit files again", system: true, Platforms: onlyLinux,
		Example: "def units():\n    systemd_daemon_reload()",
		fn: func(c *invocation) (starlark.Value, error) {
			if err := c.unpack(); err != nil {
				return nil, err
			}
			_, err := c.call("systemctl", "daemon-reload")
			return nil, err
		},
	},
	systemdHelper("systemd_start", "start a unit", "start"),
	systemdHelper("systemd_stop", "stop a unit", "stop"),
	systemdHelper("systemd_restart", "restart a unit", "restart"),
	systemdHelper("systemd_enable", "start a unit at boot from now on", "enable"),
	systemdHelper("systemd_disable", "do not start a unit at boot any more", "disable"),
	systemdHelper("systemd_enable_start", "start a unit now and at boot", "enable", "--now"),
}

var (
	onlyLinux   = []string{"linux"}
	onlyWindows = []string{"windows"}
	onlyDarwin  = []string{"darwin"}
)

// onService makes a helper of a function on a service.
func onService(do func(*session, string) error) func(*invocation) (starlark.Value, error) {
	return func(c *invocation) (starlark.Value, error) {
		var name string
		if err := c.unpack(&name); err != nil {
			return nil, err
		}
		if err := checkWord(name); err != nil {
			return nil, err
		}
		return nil, do(c.session, name)
	}
}

func askService(ask func(*session, string) (bool, error)) func(*invocation) (starlark.Value, error) {
	return func(c *invocation) (starlark.Value, error) {
		var name string
		if err := c.unpack(&name); err != nil {
			return nil, err
		}
		if err := checkWord(name); err != nil {
			return nil, err
		}
		yes, err := ask(c.session, name)
		return starlark.Bool(yes), err
	}
}

func systemdHelper(name, summary string, verb ...string) Helper {
	return Helper{
		Name: name, Params: "name", Summary: summary, system: true, Platforms: onlyLinux,
		Example: "def units():\n    " + name + "(\"tool.service\")",
		fn: onService(func(s *session, unit string) error {
			_, err := s.call(append(append([]string{"systemctl"}, verb...), "--", unit)...)
			return err
		}),
	}
}

// systemdRuns reports whether systemd is the init of this system (sd_booted(3)).
func systemdRuns() bool {
	info, err := os.Stat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// call runs a program of the system, of which success is expected.
func (s *session) call(words ...string) (string, error) {
	return s.execute(&task{command: textValues(words), timeout: 5 * time.Minute, accept: []int{0}})
}

// succeeds runs a program whose return code is the answer.
func (s *session) succeeds(words ...string) (bool, error) {
	found := lookPath(words[0]) != ""
	if !found {
		_, err := s.call(words...) // says what is missing
		return false, err
	}
	_, err := s.call(words...)
	return err == nil, nil
}
