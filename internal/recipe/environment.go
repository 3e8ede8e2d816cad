package recipe

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"muster/control"
)

// passed are the builder's variables that build() gets as they are: how to
// reach the networks, and where registries lie. (A proxy's address may hold a
// password: build() is code of whoever runs it.)
var passed = []string{
	"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"npm_config_registry", "npm_config_cafile",
	"SystemRoot", "SystemDrive", "ComSpec", "PATHEXT", "ProgramFiles", "ProgramFiles(x86)", "ProgramData",
}

// sanePath serves where the builder has no PATH.
const sanePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment is what programs run by build() see: nothing of the builder's but
// PATH and the variables passed, so that two builders get the same package.
func (b *builder) environment(ctx context.Context) []string {
	tmp := filepath.Join(b.work, "tmp")
	searched := os.Getenv("PATH")
	if searched == "" {
		searched = sanePath
	}
	env := []string{
		"PATH=" + searched,
		"HOME=" + filepath.Join(b.work, "home"),
		"TMPDIR=" + tmp, "TEMP=" + tmp, "TMP=" + tmp,
		"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC",
		"SOURCE_DATE_EPOCH=" + strconv.FormatInt(b.date.Unix(), 10),
		"MAKEFLAGS=-j" + strconv.Itoa(runtime.NumCPU()),
		"npm_config_cache=" + filepath.Join(b.opts.Cache, "npm"),
		"npm_config_update_notifier=false", "npm_config_audit=false", "npm_config_fund=false",
	}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, b.goEnvironment(ctx)...)
}

// goPassed are Go's settings that a build may see: its caches, which hold
// nothing but what their keys say, and where modules and their checksums come
// from.
var goPassed = []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOTOOLCHAIN"}

// goEnvironment makes go build for the target, reproducibly, with the caches of
// the builder: a standard library compiled anew takes a minute.
func (b *builder) goEnvironment(ctx context.Context) []string {
	env := []string{"GOENV=off", "GOFLAGS=-trimpath -buildvcs=false", "CGO_ENABLED=0"}
	if b.target.OS != control.All {
		env = append(env, "GOOS="+b.target.OS)
	}
	if b.target.Arch != control.All {
		env = append(env, "GOARCH="+b.target.Arch)
	}
	settings := goSettings(ctx)
	for _, name := range goPassed {
		value := settings[name]
		if name == "GOPROXY" && b.opts.Offline {
			value = "off"
		}
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// goSettings asks go for its settings; without go there are none.
func goSettings(ctx context.Context) map[string]string {
	out, err := exec.CommandContext(ctx, "go", append([]string{"env", "-json"}, goPassed...)...).Output()
	if err != nil {
		return nil
	}
	settings := map[string]string{}
	if err := json.NewDecoder(strings.NewReader(string(out))).Decode(&settings); err != nil {
		return nil
	}
	return settings
}
