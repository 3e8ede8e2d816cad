package script

import (
	"os"
	"path/filepath"
)

// Linux has three ways to its services: systemd, OpenRC, and scripts of System V
// behind the program service.

func (s *session) startService(name string) error { return s.serviceVerb(name, "start") }

func (s *session) stopService(name string) error { return s.serviceVerb(name, "stop") }

func (s *session) restartService(name string) error { return s.serviceVerb(name, "restart") }

func (s *session) serviceVerb(name, verb string) error {
	words := []string{"service", name, verb}
	switch {
	case systemdRuns():
		words = []string{"systemctl", verb, "--", name}
	case lookPath("rc-service") != "":
		words = []string{"rc-service", name, verb}
	}
	_, err := s.call(words...)
	return err
}

func (s *session) enableService(name string) error {
	words := []string{"update-rc.d", name, "defaults"}
	switch {
	case systemdRuns():
		words = []string{"systemctl", "enable", "--", name}
	case lookPath("rc-update") != "":
		words = []string{"rc-update", "add", name, "default"}
	case lookPath("chkconfig") != "":
		words = []string{"chkconfig", name, "on"}
	}
	_, err := s.call(words...)
	return err
}

func (s *session) disableService(name string) error {
	words := []string{"update-rc.d", name, "disable"}
	switch {
	case systemdRuns():
		words = []string{"systemctl", "disable", "--", name}
	case lookPath("rc-update") != "":
		words = []string{"rc-update", "del", name}
	case lookPath("chkconfig") != "":
		words = []string{"chkconfig", name, "off"}
	}
	_, err := s.call(words...)
	return err
}

func (s *session) serviceRuns(name string) (bool, error) {
	switch {
	case systemdRuns():
		return s.succeeds("systemctl", "is-active", "--quiet", "--", name)
	case lookPath("rc-service") != "":
		return s.succeeds("rc-service", name, "status")
	}
	return s.succeeds("service", name, "status")
}

func (s *session) serviceExists(name string) (bool, error) {
	if systemdRuns() {
		return s.succeeds("systemctl", "cat", "--", name)
	}
	_, err := os.Stat(filepath.Join("/etc/init.d", name))
	return err == nil, nil
}
