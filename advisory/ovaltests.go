package advisory

import (
	"regexp"
	"slices"
	"strings"
)

// atom is what one test says.
func (d *ovalDocument) atom(id int32) ovalTerm {
	if t, ok := d.atoms[id]; ok {
		return t
	}
	t := d.judge(id)
	d.keep(d.atoms, id, t)
	return t
}

func (d *ovalDocument) judge(id int32) ovalTerm {
	test, ok := d.tests[id]
	if !ok {
		return ovalUnsaid("test %q, which is not there", d.ids[id])
	}
	if !d.makes(d.size(&test)) {
		return nil
	}
	var t ovalTerm
	switch test.kind {
	case "family_test":
		return ovalAlways
	case "uname_test":
		return d.running(&test)
	case "rpminfo_test", "rpmverifyfile_test", "dpkginfo_test":
		t = d.installed(&test)
	case "textfilecontent54_test", "textfilecontent_test":
		t = d.file(&test)
	}
	if test.existence == "none_exist" && len(test.states) == 0 && t != nil {
		return ovalTerm{{elsewhere: true}}
	}
	if t == nil || test.existence == "none_exist" || test.check == "only one" {
		return ovalUnsaid("test %q (%s)", d.ids[id], test.kind)
	}
	if test.check == "none satisfy" || test.check == "none exist" {
		return t.negated()
	}
	return t
}

// size is how much there is to read of a test.
func (d *ovalDocument) size(test *ovalTest) int {
	n := 1 + len(d.objects[test.object].entities)
	for _, s := range test.states {
		n += 1 + len(d.states[s].entities)
	}
	return n
}

// running is a test of the kernel that runs. Rows about packages of kernels
// count for it alone in any case: see [Kernel].
func (d *ovalDocument) running(test *ovalTest) ovalTerm {
	for _, s := range test.states {
		for _, e := range d.states[s].entities {
			if e.name == "processor_type" || e.name == "machine_class" {
				if e.value != ".*" {
					return ovalUnsaid("a processor %q", e.value)
				}
			}
		}
	}
	return ovalAlways
}

// installed is a test of packages: that one is installed, in some version. nil
// is what it does not read.
func (d *ovalDocument) installed(test *ovalTest) ovalTerm {
	names := d.packages(test.object)
	if len(test.states) == 0 {
		if names == nil {
			return nil
		}
		return d.packageRows(names, ovalRow{})
	}
	var all ovalTerm
	for i, number := range test.states {
		if !d.makes(1 + len(all)) {
			return nil
		}
		t := d.state1(names, number)
		switch {
		case t == nil:
			return nil
		case i == 0:
			all = t
		case test.operator == "OR" && len(all)+len(t) <= maxRows:
			all = slices.Concat(all, t)
		case test.operator == "" || test.operator == "AND":
			all = d.and(all, t)
		default:
			return nil
		}
	}
	return all
}

// packages are the names of an object of packages.
func (d *ovalDocument) packages(object int32) []string {
	b, ok := d.objects[object]
	if !ok || b.complex {
		return nil
	}
	for _, e := range b.entities {
		if e.name != "name" {
			continue
		}
		switch {
		case e.variable != 0 && e.operation == "equals":
			return d.variables[e.variable]
		case e.operation == "equals" && e.value != "":
			return []string{e.value}
		case e.operation == "pattern match":
			return alternatives(e.value)
		}
	}
	return nil
}

// alternatives reads a pattern that stands for a few names: ^(a|b)$.
func alternatives(pattern string) []string {
	p, ok := strings.CutPrefix(pattern, "^")
	if ok {
		p, ok = strings.CutSuffix(p, "$")
	}
	if !ok {
		return nil
	}
	p = strings.TrimSuffix(strings.TrimPrefix(p, "("), ")")
	p = strings.NewReplacer(`\.`, ".", `\+`, "+", `\-`, "-").Replace(p)
	if strings.ContainsAny(p, `\()[]{}*?^$`) {
		return nil
	}
	return strings.Split(p, "|")
}

func (d *ovalDocument) packageRows(names []string, r ovalRow) (t ovalTerm) {
	if !d.makes(len(names)) {
		return nil
	}
	for _, name := range names {
		r.name = name
		t = append(t, r)
	}
	return t
}

// state1 is what one state says of packages.
func (d *ovalDocument) state1(names []string, number int32) ovalTerm {
	s, ok := d.states[number]
	if !ok || s.operator != "" && s.operator != "AND" && len(s.entities) > 1 {
		return nil
	}
	var r ovalRow
	release, versions, archs := "", false, false
	for _, e := range s.entities {
		known := true
		switch e.name {
		case "evr":
			r.versions, known = bound(e)
			versions = true
		case "arch":
			r.archs = archList(e)
			known, archs = r.archs != nil, true
		case "version":
			known = d.makes(50) // an expression
			if known {
				release, known = releaseOf(e)
			}
		case "name": // of rpmverifyfile_test
			names = []string{strings.Trim(e.value, "^$")}
		case "signature_keyid": // who signed it says nothing of the version
		default:
			known = false
		}
		if !known || e.variable != 0 {
			return nil
		}
	}
	if len(names) > 0 && isReleasePackage(names[0]) && !versions {
		return d.system(names[0], release, archs, r)
	}
	if names == nil || release != "" {
		return nil
	}
	if !versions && !archs { // the signature alone, of a package that another test is about
		return ovalAlways
	}
	if never(r.versions) {
		return ovalTerm{}
	}
	return d.packageRows(names, r)
}

// isReleasePackage reports whether a package says what system a host has.
func isReleasePackage(name string) bool {
	return strings.HasSuffix(name, "-release") || strings.HasPrefix(name, "redhat-release")
}

// system is what a test of a package like redhat-release says: which release a
// host has, or which architecture.
func (d *ovalDocument) system(name, release string, archs bool, r ovalRow) ovalTerm {
	if release == "" && archs {
		r.archs = hostArchs(r.archs)
		return ovalTerm{r}
	}
	if release == "" {
		return ovalTerm{{unknown: true}} // some release of it
	}
	p, ok := d.o.platform("oval", name+" "+release)
	return ovalTerm{{platform: p, unknown: !ok, archs: r.archs}}
}

// hostArchs are the architectures of packages on hosts of these.
func hostArchs(hosts []string) []string {
	archs := append([]string{"noarch"}, hosts...)
	if slices.Contains(hosts, "x86_64") {
		archs = append(archs, "i686", "i386")
	}
	slices.Sort(archs)
	return slices.Compact(archs)
}

// bound is the range of a comparison of versions.
func bound(e ovalEntity) (r Range, ok bool) {
	if e.value == "" {
		return r, false
	}
	switch e.operation {
	case "less than":
		r.Fixed = e.value
	case "less than or equal":
		r.Last = e.value
	case "equals":
		r.Introduced, r.Last = e.value, e.value
	case "greater than or equal":
		r.Introduced = e.value
	case "greater than":
		if plainEVR(e.value) != "0-0" { // SUSE: any version
			r.After = e.value
		}
	default:
		return r, false
	}
	return r, true
}

// plainEVR leaves an epoch 0 away.
func plainEVR(v string) string { return strings.TrimPrefix(v, "0:") }

// never reports whether no version is below the bound: so SUSE says that a
// package is not affected.
func never(r Range) bool { return plainEVR(r.Fixed) == "0-0" || plainEVR(r.Fixed) == "0" }

// archList reads architectures: one, or a pattern of several.
func archList(e ovalEntity) []string {
	v := strings.Trim(e.value, "^$()")
	if e.operation != "equals" && e.operation != "pattern match" || v == "" || strings.ContainsAny(v, `\()[]{}*?^$.+ `) {
		return nil
	}
	if strings.Count(v, "|") >= maxOvalArchs {
		return nil
	}
	return strings.Split(v, "|")
}

// releaseOf reads the version of a package like redhat-release: one, or a
// pattern that begins with one, as ^8[^\d].
func releaseOf(e ovalEntity) (release string, ok bool) {
	if e.operation == "equals" {
		return e.value, e.value != ""
	}
	if e.operation != "pattern match" || len(e.value) > maxOvalCheck || strings.Contains(e.value, "{") {
		return "", false
	}
	p := strings.ReplaceAll(strings.TrimLeft(e.value, "^("), `\.`, ".")
	i := 0
	for i < len(p) && ('0' <= p[i] && p[i] <= '9' || p[i] == '.' && i+1 < len(p) && '0' <= p[i+1] && p[i+1] <= '9') {
		i++
	}
	release = p[:i]
	expression, err := regexp.Compile(e.value)
	if err != nil || release == "" {
		return "", false
	}
	return release, expression.MatchString(release) || expression.MatchString(release+".1")
}

// file is a test of what a file says: the release of Debian or Ubuntu, the
// stream of a module, the kernel to boot.
func (d *ovalDocument) file(test *ovalTest) ovalTerm {
	var path, pattern, value string
	for _, e := range d.objects[test.object].entities {
		switch e.name {
		case "filepath":
			path = e.value
		case "path":
			path = strings.TrimSuffix(e.value, "/") + "/" + path
		case "filename":
			path += e.value
		case "pattern":
			pattern = e.value
		}
	}
	if strings.HasPrefix(path, "/boot/") || path == "/proc/cmdline" || strings.HasPrefix(path, "/proc/sys/kernel/") {
		return ovalAlways // the kernel to boot: see running
	}
	if len(test.states) > 1 {
		return nil
	}
	for _, s := range test.states {
		for _, e := range d.states[s].entities {
			if e.name != "subexpression" || e.operation != "equals" && e.operation != "pattern match" {
				return nil
			}
			value = strings.Trim(e.value, "^$")
		}
	}
	return d.content(path, pattern, value)
}

func (d *ovalDocument) content(path, pattern, value string) ovalTerm {
	named := func(scheme, name string) ovalTerm {
		p, ok := d.o.platform(scheme, name)
		return ovalTerm{{platform: p, unknown: !ok}}
	}
	switch {
	case path == "/etc/debian_version" && value != "":
		return named("osv", "Debian:"+value)
	case strings.Contains(pattern, "CODENAME") && value != "":
		return named("suite", value)
	case strings.HasPrefix(path, "/etc/dnf/modules.d/"):
		if module := moduleOfFile(path, pattern); module != "" {
			return ovalTerm{{module: module}}
		}
	}
	return nil
}

// moduleOfFile reads which stream of a module is to be enabled:
// \nstream\s*=\s*12\b of /etc/dnf/modules.d/nodejs.module.
func moduleOfFile(path, pattern string) string {
	name, ok := strings.CutSuffix(path[strings.LastIndexByte(path, '/')+1:], ".module")
	_, stream, found := strings.Cut(pattern, `stream\s*=\s*`)
	stream, _, ended := strings.Cut(stream, `\b`)
	stream = strings.ReplaceAll(stream, `\.`, ".")
	if !ok || !found || !ended || stream == "" || strings.ContainsAny(stream, `\()[]{}*?^$|+`) {
		return ""
	}
	return name + ":" + stream
}
