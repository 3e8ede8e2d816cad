package selfservice

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"muster"
)

// Open has the browser of the person show the address. What programs are started with
// is for everybody on the machine to read, so the browser is given a file that only its
// user can read, which leads on to the address. The caller removes it once the page is
// over.
func Open(ctx context.Context, url string) (file string, err error) {
	dir, err := private()
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, "muster-*.html") // with mode 0600
	if err != nil {
		return "", err
	}
	page := document("en", "muster", "", []node{el("meta", at("http-equiv", "refresh", "content", "0; url="+url)), el("meta", at("name", "referrer", "content", "no-referrer"))},
		el("p", nil, el("a", at("href", url), text("muster"))))
	_, err = f.WriteString(render(page))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = browse(ctx, f.Name())
	}
	if err != nil {
		os.Remove(f.Name())
		return "", muster.Errorf(muster.Unavailable, "cannot open a browser: %w", err)
	}
	return f.Name(), nil
}

// private is a folder that no other user can look into. On Windows it is %LocalAppData%,
// which is so by its access list.
func private() (string, error) {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && runtime.GOOS != "windows" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", muster.WithKind(muster.Unavailable, err)
	}
	dir = filepath.Join(dir, "muster")
	return dir, os.MkdirAll(dir, 0o700)
}

// browse opens a file as the system does.
func browse(ctx context.Context, file string) error {
	command := []string{"xdg-open", file}
	switch runtime.GOOS {
	case "darwin":
		command = []string{"open", file}
	case "windows":
		// By its full name: a program of that name may lie elsewhere.
		command = []string{filepath.Join(os.Getenv("SystemRoot"), "System32", "rundll32.exe"), "url.dll,FileProtocolHandler", file}
	}
	return exec.CommandContext(ctx, command[0], command[1:]...).Run()
}
