package script

import (
	"fmt"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

// serviceWait is how long a service may take to start or to stop.
const serviceWait = 2 * time.Minute

// withService opens a service for the time of do.
func withService(name string, do func(*mgr.Service) error) error {
	m, err := mgr.Connect()
	if err != nil {
		return fmt.Errorf("cannot reach the service manager: %w", err)
	}
	defer m.Disconnect()
	service, err := m.OpenService(name)
	if err != nil {
		return fmt.Errorf("cannot open service %q: %w", name, err)
	}
	defer service.Close()
	return do(service)
}

func (s *session) startService(name string) error {
	return withService(name, func(service *mgr.Service) error {
		if err := service.Start(); err != nil && err != windows.ERROR_SERVICE_ALREADY_RUNNING {
			return fmt.Errorf("cannot start service %q: %w", name, err)
		}
		return s.awaitService(service, svc.Running)
	})
}

func (s *session) stopService(name string) error {
	return withService(name, func(service *mgr.Service) error {
		if _, err := service.Control(svc.Stop); err != nil && err != windows.ERROR_SERVICE_NOT_ACTIVE {
			return fmt.Errorf("cannot stop service %q: %w", name, err)
		}
		return s.awaitService(service, svc.Stopped)
	})
}

func (s *session) restartService(name string) error {
	if err := s.stopService(name); err != nil {
		return err
	}
	return s.startService(name)
}

// awaitService looks every quarter of a second.
func (s *session) awaitService(service *mgr.Service, want svc.State) error {
	for end := time.Now().Add(serviceWait); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		status, err := service.Query()
		if err != nil {
			return err
		}
		if status.State == want {
			return nil
		}
	}
	return fmt.Errorf("service %q did not come to state %d within %s", service.Name, want, serviceWait)
}

func (s *session) enableService(name string) error {
	return setServiceStart(name, mgr.StartAutomatic)
}

func (s *session) disableService(name string) error {
	return setServiceStart(name, mgr.StartDisabled)
}

func setServiceStart(name string, start uint32) error {
	return withService(name, func(service *mgr.Service) error {
		config, err := service.Config()
		if err != nil {
			return err
		}
		config.StartType = start
		return service.UpdateConfig(config)
	})
}

func (s *session) serviceRuns(name string) (runs bool, err error) {
	err = withService(name, func(service *mgr.Service) error {
		status, err := service.Query()
		runs = status.State == svc.Running
		return err
	})
	return runs, err
}

func (s *session) serviceExists(name string) (bool, error) {
	m, err := mgr.Connect()
	if err != nil {
		return false, fmt.Errorf("cannot reach the service manager: %w", err)
	}
	defer m.Disconnect()
	service, err := m.OpenService(name)
	if err != nil {
		return false, nil
	}
	return true, service.Close()
}
