package collect

import (
	"encoding/binary"
	"io/fs"
	"slices"
	"strings"

	"muster/inventory"
)

// readUsers reads the local accounts that may sign in, and who is signed in.
func readUsers(h *host, r *Report) error {
	data, err := read(h.files, "etc/passwd", 16*maxSmall)
	if err != nil {
		return err
	}
	r.Document.Users = &inventory.Users{Accounts: parsePasswd(data)}
	if h.live {
		r.Volatile.Sessions = sessions(h.files)
	}
	return nil
}

// parsePasswd reads passwd(5). Accounts without a login shell belong to services.
func parsePasswd(data []byte) (all []inventory.Account) {
	for l := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimRight(l, "\r\n"), ":")
		if len(f) != 7 || f[0] == "" || strings.HasPrefix(f[0], "#") || !loginShell(f[6]) {
			continue
		}
		full, _, _ := strings.Cut(f[4], ",")
		all = append(all, inventory.Account{
			Full: inventory.Text(full), Home: inventory.Text(f[5]), Name: inventory.Text(f[0]),
			Shell: inventory.Text(f[6]), UID: inventory.Text(f[2]),
		})
	}
	slices.SortStableFunc(all, func(a, b inventory.Account) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func loginShell(shell string) bool {
	name := shell[strings.LastIndexByte(shell, '/')+1:]
	return !slices.Contains([]string{"nologin", "false", "sync", "halt", "shutdown"}, name)
}

// sessions asks logind's files, or utmp where there is no systemd.
func sessions(fsys fs.FS) []inventory.Session {
	all := logindSessions(fsys)
	if all != nil {
		return all
	}
	for _, name := range []string{"run/utmp", "var/run/utmp"} {
		if data, err := read(fsys, name, 16*maxSmall); err == nil {
			return parseUtmp(data)
		}
	}
	return nil
}

func logindSessions(fsys fs.FS) (all []inventory.Session) {
	const dir = "run/systemd/sessions"
	for _, name := range names(fsys, dir) {
		data, err := read(fsys, dir+"/"+name, maxSmall)
		if err != nil || strings.HasSuffix(name, ".ref") {
			continue
		}
		if s, ok := parseSession(data); ok {
			all = append(all, s)
		}
	}
	return all
}

// parseSession reads a session of logind; services and greeters are no users.
func parseSession(data []byte) (inventory.Session, bool) {
	f := map[string]string{}
	for name, value := range assignments(data) {
		f[name] = inventory.Text(value)
	}
	tty := f["TTY"]
	if tty == "" {
		tty = f["DISPLAY"]
	}
	s := inventory.Session{Host: f["REMOTE_HOST"], Since: positive(atoi(f["REALTIME"]) / 1e6), TTY: tty, User: f["USER"]}
	return s, s.User != "" && (f["CLASS"] == "" || f["CLASS"] == "user")
}

// parseUtmp reads utmp(5) of glibc and musl on 64-bit Linux: records of 384
// bytes; type at 0 (7 is a user), line at 8 (32 bytes), user at 44 (32), host
// at 76 (256), seconds at 340 (4 bytes).
func parseUtmp(data []byte) (all []inventory.Session) {
	const size, userProcess = 384, 7
	for ; len(data) >= size; data = data[size:] {
		if binary.NativeEndian.Uint16(data) != userProcess {
			continue
		}
		s := inventory.Session{
			Host: fixedText(data[76:332]), TTY: fixedText(data[8:40]), User: fixedText(data[44:76]),
			Since: int64(binary.NativeEndian.Uint32(data[340:])),
		}
		if s.User != "" {
			all = append(all, s)
		}
	}
	return all
}

// fixedText is a text that ends at NUL or with its field.
func fixedText(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return inventory.Text(s)
}
