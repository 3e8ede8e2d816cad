package console

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"muster/api"
	"muster/internal/testneed/built"
	"muster/sign"
)

// A site is a server and the desk of its administrator, in a folder. It outlives a test:
// those of the package look at one.
type site struct {
	dir, muster, musterd string
	address              string
	running              []*exec.Cmd
}

func newSite() (*site, error) {
	dir, err := os.MkdirTemp("", "console-")
	if err != nil {
		return nil, err
	}
	s := &site{dir: dir}
	if s.muster, err = built.Program(s.path("bin"), "muster"); err != nil {
		return s, err
	}
	if s.musterd, err = built.Program(s.path("bin"), "musterd"); err != nil {
		return s, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return s, err
	}
	s.address = l.Addr().String()
	return s, l.Close()
}

// close ends what runs, the last first.
func (s *site) close() {
	for i := len(s.running) - 1; i >= 0; i-- {
		cmd := s.running[i]
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		force := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait() //nolint:errcheck // it was told to end
		force.Stop()
	}
	os.RemoveAll(s.dir) //nolint:errcheck // of the system's temporary files
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) url() string { return "https://" + s.address }

func (s *site) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"HOME=" + s.dir, "PATH=" + os.Getenv("PATH"), "TZ=UTC", "MUSTER_KEY=alice.key", "MUSTER_CERT=alice.crt",
		"MUSTERD_LISTEN=" + s.address, "MUSTERD_LIMITS_HOSTS=1000000", "MUSTERD_LIMITS_RATES_ENROL=100000", "MUSTERD_REPOSITORY_RESERVE=0",
		"MUSTERD_COLLECTOR_MODE=open", "MUSTERD_COLLECTOR_CLEAR=true", // nothing is sealed: any key will do, and one of RSA takes seconds to make
		"MUSTERD_COLLECTOR_KEY=" + s.path("alice.key"), "MUSTERD_COLLECTOR_CERT=" + s.path("alice.crt")}
	return cmd
}

// run runs commands that have to succeed, until one does not.
func (s *site) run(lines ...[]string) error {
	for _, line := range lines {
		if _, err := s.output(line...); err != nil {
			return err
		}
	}
	return nil
}

// output runs a command of muster, or of musterd, and returns what it prints.
func (s *site) output(line ...string) (string, error) {
	program := s.muster
	if line[0] == "musterd" {
		program, line = s.musterd, line[1:]
	}
	out, err := s.command(program, line...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(line, " "), err, out)
	}
	return string(out), nil
}

// start starts a program that runs until the site is closed; what it says is in NAME.log.
func (s *site) start(name, program string, args ...string) error {
	log, err := os.Create(s.path(name + ".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := s.command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.running = append(s.running, cmd)
	return nil
}

// until waits for something that processes bring about, for a minute at most.
func (s *site) until(what string, so func() bool) error {
	for end := time.Now().Add(time.Minute); !so(); <-time.After(50 * time.Millisecond) {
		if time.Now().After(end) {
			log, _ := os.ReadFile(s.path("server.log"))
			return fmt.Errorf("never: %s; the server says:\n%s", what, log[max(0, len(log)-4000):])
		}
	}
	return nil
}

func (s *site) answers() bool {
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// roots are the authorities of the server's TLS.
func (s *site) roots() (*x509.CertPool, error) {
	data, err := os.ReadFile(s.path("server/tls/cert.pem"))
	pool := x509.NewCertPool()
	if err == nil && !pool.AppendCertsFromPEM(data) {
		err = errors.New("the server's file of certificates has none")
	}
	return pool, err
}

// leaf is the certificate that the server shows.
func (s *site) leaf() (*x509.Certificate, error) {
	roots, err := s.roots()
	if err != nil {
		return nil, err
	}
	c, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: roots})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

// alice is the key and the certificate of the administrator.
func (s *site) alice() (*sign.Identity, error) {
	key, err := os.ReadFile(s.path("alice.key"))
	if err != nil {
		return nil, err
	}
	cert, err := os.ReadFile(s.path("alice.crt"))
	if err != nil {
		return nil, err
	}
	return sign.ParseIdentity(key, cert, func() ([]byte, error) { return nil, io.EOF })
}

// client speaks to the server.
func (s *site) client() (*api.Client, error) {
	roots, err := s.roots()
	if err != nil {
		return nil, err
	}
	return api.Dial(context.Background(), s.url(), api.Options{CA: roots})
}

// recipe writes the recipe of a package with one file, and actions where they are not "".
func (s *site) recipe(name, version, actions string) error {
	dir := s.path("recipe-" + name + "-" + version)
	files := map[string]string{
		"control":          fmt.Sprintf("package: %s\nversion: %s\nkind: base\narchitecture: all\nos: all\ndescription: %s of the site\n", name, version, name),
		"root/bin/" + name: version,
	}
	if actions != "" {
		files["actions.star"] = actions
	}
	for file, text := range files {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			return err
		}
	}
	return s.run([]string{"build", dir})
}
