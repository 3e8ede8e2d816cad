package install

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"muster"
	"muster/pkgfile"
)

// owners finds the numbers of users and groups in the root's own etc/passwd
// and etc/group, which count in a prepared tree too.
type owners struct {
	root   *Root
	users  map[string]int
	groups map[string]int
}

func newOwners(r *Root) *owners { return &owners{root: r} }

// attr is what the file gets in this root.
func (o *owners) attr(f *pkgfile.File) (*Attr, error) {
	a := &Attr{Mode: unixMode(o.root.mode(goMode(f.Mode)))}
	if f.Owner == "" || o.root.Config.Area || !canChown {
		return a, nil
	}
	user, group, _ := strings.Cut(f.Owner, ":")
	var err error
	if a.UID, err = o.find(&o.users, "etc/passwd", "user", user); err != nil {
		return nil, err
	}
	a.GID, err = o.find(&o.groups, "etc/group", "group", group)
	return a, err
}

func (o *owners) find(ids *map[string]int, file, what, name string) (int, error) {
	if name == "root" {
		return 0, nil
	}
	if *ids == nil {
		all, err := readIDs(o.root.abs(file))
		if err != nil {
			return 0, err
		}
		*ids = all
	}
	id, ok := (*ids)[name]
	if !ok {
		return 0, muster.Errorf(muster.NotFound, "there is no %s %q in %q; pre_install() must create it", what, name, o.root.abs(file))
	}
	return id, nil
}

// readIDs reads name:x:id lines (passwd(5), group(5)).
func readIDs(name string) (map[string]int, error) {
	ids := map[string]int{}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return ids, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.SplitN(lines.Text(), ":", 4)
		if len(fields) < 3 {
			continue
		}
		if id, err := strconv.Atoi(fields[2]); err == nil && id >= 0 {
			ids[fields[0]] = id
		}
	}
	return ids, lines.Err()
}
