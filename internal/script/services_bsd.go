//go:build unix && !linux

package script

import "runtime"

// FreeBSD has service(8) and sysrc(8), macOS launchctl(1), whose services are
// named by their labels.

func (s *session) startService(name string) error {
	return s.verb([]string{"service", name, "onestart"}, []string{"launchctl", "kickstart", "system/" + name})
}

func (s *session) stopService(name string) error {
	return s.verb([]string{"service", name, "onestop"}, []string{"launchctl", "kill", "SIGTERM", "system/" + name})
}

func (s *session) restartService(name string) error {
	return s.verb([]string{"service", name, "onerestart"}, []string{"launchctl", "kickstart", "-k", "system/" + name})
}

func (s *session) enableService(name string) error {
	return s.verb([]string{"service", name, "enable"}, []string{"launchctl", "enable", "system/" + name})
}

func (s *session) disableService(name string) error {
	return s.verb([]string{"service", name, "disable"}, []string{"launchctl", "disable", "system/" + name})
}

func (s *session) serviceRuns(name string) (bool, error) {
	if runtime.GOOS == "darwin" {
		return s.succeeds("/bin/sh", "-c", "launchctl print \"$0\" | grep -q 'state = running'", "system/"+name)
	}
	return s.succeeds("service", name, "onestatus")
}

func (s *session) serviceExists(name string) (bool, error) {
	if runtime.GOOS == "darwin" {
		return s.succeeds("launchctl", "print", "system/"+name)
	}
	return s.succeeds("service", name, "rcvar")
}

func (s *session) verb(freebsd, darwin []string) error {
	words := freebsd
	if runtime.GOOS == "darwin" {
		words = darwin
	}
	_, err := s.call(words...)
	return err
}
