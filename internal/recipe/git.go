package recipe

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"muster"
)

// gitState is what Git knows of a recipe folder. The zero value is a folder
// that Git does not keep.
type gitState struct {
	url    string // of the remote "origin", without credentials
	commit string // the last that changed the folder
	time   time.Time
	dirty  bool // the folder has changes that are not committed
}

// readGit asks the git program. Without it, or outside of a repository, the
// answer is the zero value.
func readGit(ctx context.Context, dir string) gitState {
	var g gitState
	last, err := git(ctx, dir, "log", "-1", "--format=%H %ct", "--", ".")
	if err != nil {
		return g
	}
	commit, stamp, ok := strings.Cut(last, " ")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if !ok || err != nil {
		return g
	}
	status, err := git(ctx, dir, "status", "--porcelain", "--ignored=no", "--", ".")
	g = gitState{commit: commit, time: time.Unix(seconds, 0).UTC(), dirty: err != nil || status != ""}
	remote, err := git(ctx, dir, "config", "--get", "remote.origin.url")
	if err == nil {
		g.url = withoutCredentials(remote)
	}
	return g
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0")
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// withoutCredentials removes what a package that everyone may read must not
// tell. Only the web forms have a place for a password.
func withoutCredentials(remote string) string {
	u, err := url.Parse(remote)
	if err != nil || u.Host == "" {
		// Git takes what cannot be parsed, such as a password with a percent sign.
		scheme, rest, ok := strings.Cut(remote, "://")
		if at := strings.LastIndex(rest, "@"); ok && at >= 0 {
			return scheme + "://" + rest[at+1:]
		}
		return remote
	}
	if u.Scheme == "https" || u.Scheme == "http" {
		u.User = nil
	} else if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

// commitMark is the commit as provenance writes it.
func (g gitState) commitMark() string {
	if g.commit != "" && g.dirty {
		return g.commit + "+dirty"
	}
	return g.commit
}

// noDate is the time of files when nothing better is known: the oldest that
// every archive format can hold.
var noDate = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// buildDate chooses the time of all files: the one asked for, then the
// environment's (reproducible-builds.org, SOURCE_DATE_EPOCH), then Git's.
func buildDate(asked time.Time, epoch string, g gitState) (time.Time, error) {
	if !asked.IsZero() {
		return asked.UTC().Truncate(time.Second), nil
	}
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || seconds < 0 {
			return time.Time{}, muster.Errorf(muster.Invalid, "SOURCE_DATE_EPOCH %q is no number of seconds", epoch)
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	if g.commit != "" && !g.dirty {
		return g.time, nil
	}
	return noDate, nil
}
