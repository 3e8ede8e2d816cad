package advisory

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"muster/version"
)

// A target is what a product of CSAF means: a package on a platform.
type target struct {
	ok       bool
	platform Platform
	stream   string // branch of Red Hat that the platform is of, "el9_0"; "" the release as a whole
	part     component
}

// A fixKey is what rows are collected by.
type fixKey struct {
	ecosystem, release, name, module string
	source                           bool
	severity                         Severity
}

// csafRows collects the rows of a document.
type csafRows struct {
	order version.Order
	fixes map[fixKey]map[string]csafFixes // by architecture
	open  map[fixKey]map[string]string    // status by architecture and "last" version, see openKey
	count int
}

// csafFixes are the fixed versions of a package, by branch; that of "" is of
// the release.
type csafFixes map[string]csafFix

// A csafFix is the lowest fixed version of a branch.
type csafFix struct {
	version string
	main    bool // the release as a whole has it, not a stream alone
}

// statuses of CSAF by which rows are made; see section 3.2.3.9 of CSAF 2.0. SUSE
// calls fixed versions recommended.
var (
	fixedStatuses = []string{"fixed", "first_fixed", "recommended"}
	openStatuses  = []string{"known_affected", "last_affected", "under_investigation"}
)

// rows makes the Affected of the document.
func (c *csafReader) rows() error {
	rows := csafRows{fixes: map[fixKey]map[string]csafFixes{}, open: map[fixKey]map[string]string{}}
	for i := range c.vulns {
		v := &c.vulns[i]
		for _, status := range fixedStatuses {
			for _, n := range v.statuses[status] {
				if err := c.room(&rows); err != nil {
					return err
				}
				if t := c.target(n); t.ok && t.part.version != "" {
					rows.fix(t, c.impact(v, n))
				}
			}
		}
		for _, status := range openStatuses {
			for _, n := range v.statuses[status] {
				if err := c.room(&rows); err != nil {
					return err
				}
				if t := c.target(n); t.ok {
					rows.affect(t, c.impact(v, n), cmp.Or(v.noFix[n], openStatus(status)))
				}
			}
		}
	}
	c.a.Affected = rows.affected()
	c.a.References = append(c.self, c.external...)
	return nil
}

// room reports that there is none for one more row, or that the import is to end.
func (c *csafReader) room(rows *csafRows) error {
	if rows.count >= maxRows {
		return errors.New("too many products")
	}
	return c.o.measure.makes(1)
}

func openStatus(status string) string {
	if status == "under_investigation" {
		return StatusInvestigating
	}
	return ""
}

// impact is the severity for a product, where it differs from that of the
// document; a document without one takes the first.
func (c *csafReader) impact(v *vuln, n int32) Severity {
	s, ok := v.impact[n]
	if !ok {
		s = v.impact[0]
	}
	if c.a.Severity == Unknown {
		c.a.Severity = s
	}
	if s == c.a.Severity {
		return Unknown
	}
	return s
}

// target is what a product means.
func (c *csafReader) target(n int32) target {
	if t, ok := c.resolved[n]; ok {
		return t
	}
	t := c.resolve(n)
	c.resolved[n] = t
	return t
}

// resolve follows a product to its package and to what that is a component of:
// a platform, or a module that is a component of one.
func (c *csafReader) resolve(n int32) target {
	var around []int32
	leaf := n
	for range maxComponents {
		p := &c.products[leaf]
		if p.component == 0 {
			break
		}
		around = append(around, p.platform)
		leaf = p.component
	}
	part, ok := componentOf(&c.products[leaf])
	if !ok {
		return target{}
	}
	var t target
	for i := 0; i < len(around) && i < maxComponents; i++ {
		p := &c.products[around[i]]
		if p.component != 0 {
			around = append(around, p.component, p.platform)
			continue
		}
		if module := moduleOf(p); module != "" && part.module == "" {
			part.module = module
		}
		if p.cpe != "" && !t.ok {
			t = c.system(around[i])
		}
	}
	t.part = part
	t.ok = t.ok && t.platform.Manager == part.manager
	return t
}

// system is the platform of a product that has a CPE.
func (c *csafReader) system(n int32) target {
	if t, ok := c.systems[n]; ok {
		return t
	}
	var t target
	cpe := plainCPE(c.products[n].cpe)
	if release, stream := redHatStream(cpe); stream != "" {
		t.stream = stream
		cpe = "cpe:/o:redhat:enterprise_linux:" + release
	}
	t.platform, t.ok = c.o.platform("cpe", cpe)
	c.systems[n] = t
	return t
}

// redHatStream reads the CPE of a stream of a minor release, which Red Hat mends
// apart from the release: cpe:/o:redhat:rhel_eus:9.0::baseos.
func redHatStream(cpe string) (release, stream string) {
	fields := strings.Split(cpe, ":")
	if len(fields) < 5 || fields[2] != "redhat" {
		return "", ""
	}
	switch fields[3] {
	case "rhel_eus", "rhel_aus", "rhel_tus", "rhel_e4s", "rhel_eus_long_life":
		major, minor, ok := strings.Cut(fields[4], ".")
		if ok {
			return major, "el" + major + "_" + minor
		}
	}
	return "", ""
}

// plainCPE writes a CPE of version 2.3 as one of 2.2, as most publishers do.
func plainCPE(cpe string) string {
	rest, ok := strings.CutPrefix(cpe, "cpe:2.3:")
	if !ok {
		return cpe
	}
	fields := strings.Split(strings.ReplaceAll(rest, `\`, ""), ":")
	for i, f := range fields {
		if f == "*" || f == "-" {
			fields[i] = ""
		}
	}
	return "cpe:/" + strings.TrimRight(strings.Join(fields, ":"), ":")
}

func (t *target) key(severity Severity) fixKey {
	return fixKey{t.platform.Ecosystem, t.platform.Release, t.part.name, t.part.module, t.part.source, severity}
}

// fix notes that a version is fixed.
func (r *csafRows) fix(t target, severity Severity) {
	r.order = t.platform.Order
	archs := r.fixes[t.key(severity)]
	if archs == nil {
		archs = map[string]csafFixes{}
		r.fixes[t.key(severity)] = archs
	}
	fixes := archs[t.part.arch]
	if fixes == nil {
		fixes = csafFixes{}
		archs[t.part.arch] = fixes
	}
	branch := cmp.Or(Branch(t.part.version), t.stream)
	r.count++
	fixes.note(branch, csafFix{t.part.version, t.stream == ""}, t.platform.Order)
}

func (f csafFixes) note(branch string, fix csafFix, order version.Order) {
	old, ok := f[branch]
	if ok && order(old.version, fix.version) <= 0 {
		fix.version = old.version
	}
	fix.main = fix.main || old.main
	f[branch] = fix
}

// affect notes that a package is affected, or may be. A product with a version
// is affected up to it.
func (r *csafRows) affect(t target, severity Severity, status string) {
	last := t.part.version
	if t.part.module != "" || t.stream != "" && last == "" {
		last = "" // the version of a module's product is its stream
	}
	key := t.key(severity)
	if r.open[key] == nil {
		r.open[key] = map[string]string{}
	}
	r.open[key][t.part.arch+"\x00"+last] = status
	r.count++
}

// affected makes the rows. What has a fix is not open besides, and what a
// binary package says its source of the same name need not say.
func (r *csafRows) affected() []Affected {
	var out []Affected
	fixed := map[fixKey]bool{}
	open := r.openStatuses()
	for key, archs := range r.fixes {
		fixed[key.plain()] = true
		if r.saidByBinary(key, func(k fixKey) bool { return r.fixes[k] != nil }) {
			continue
		}
		status, isOpen := open[key.plain()]
		archs = oneArch(archs)
		for arch, fixes := range archs {
			ranges := fixes.ranges(r.order)
			if isOpen && ranges[0].Branch != "" { // streams have a fix, the release has none
				if len(archs) == 1 {
					arch = ""
				}
				out = append(out, key.affected(arch, append([]Range{{}}, ranges...), status))
				continue
			}
			out = append(out, key.affected(arch, ranges, ""))
		}
	}
	streams := r.fixedStreams()
	for key, archs := range r.open {
		if fixed[key.plain()] || r.saidByBinary(key, func(k fixKey) bool { return r.open[k] != nil }) {
			continue
		}
		for place, status := range archs {
			arch, last, _ := strings.Cut(place, "\x00")
			var ranges []Range
			if last != "" {
				ranges = []Range{{Last: last}}
			} else if streams[key.unmodular()] {
				ranges = []Range{{Introduced: "0"}} // any version outside of modules
			}
			out = append(out, key.affected(arch, ranges, status))
		}
	}
	return together(out)
}

// openStatuses are the packages that are affected, whatever their severity.
func (r *csafRows) openStatuses() map[fixKey]string {
	open := map[fixKey]string{}
	for key, archs := range r.open {
		for _, status := range archs {
			if old, ok := open[key.plain()]; !ok || status < old {
				open[key.plain()] = status
			}
		}
	}
	return open
}

// fixedStreams are the packages that are fixed in a module. A release that is said to be
// affected besides is so outside of modules: perl of Red Hat 8, where perl:5.30 is fixed.
func (r *csafRows) fixedStreams() map[fixKey]bool {
	streams := map[fixKey]bool{}
	for key := range r.fixes {
		if key.module != "" {
			key.module = ""
			streams[key.unmodular()] = true
		}
	}
	return streams
}

// unmodular is the key of a package, source or binary, where it is of no module.
func (k fixKey) unmodular() fixKey {
	k.source, k.severity = false, Unknown
	return k
}

// plain is the key without its severity.
func (k fixKey) plain() fixKey {
	k.severity = Unknown
	return k
}

func (r *csafRows) saidByBinary(key fixKey, has func(fixKey) bool) bool {
	if !key.source {
		return false
	}
	key.source = false
	return has(key)
}

func (k fixKey) affected(arch string, ranges []Range, status string) Affected {
	return Affected{
		Ecosystem: k.ecosystem, Release: k.release, Name: k.name, Binary: !k.source, Arch: arch,
		Module: k.module, Ranges: ranges, Status: status, Severity: k.severity,
	}
}

// oneArch takes the fixes of all architectures together where they agree: where
// no branch has different versions on two of them.
func oneArch(archs map[string]csafFixes) map[string]csafFixes {
	if len(archs) < 2 {
		return archs
	}
	all := csafFixes{}
	for _, fixes := range archs {
		for branch, fix := range fixes {
			if old, ok := all[branch]; ok && old.version != fix.version {
				return archs
			}
			fix.main = fix.main || all[branch].main
			all[branch] = fix
		}
	}
	return map[string]csafFixes{"": all}
}

// ranges makes one range of a single fix of the release, and otherwise one a
// branch, besides one for versions of no branch among them: those are held
// against the highest, since a minor release begins with what the one before
// had.
func (f csafFixes) ranges(order version.Order) []Range {
	newest := ""
	for _, fix := range f {
		if fix.main && (newest == "" || order(fix.version, newest) > 0) {
			newest = fix.version
		}
	}
	var out []Range
	if newest != "" {
		out = append(out, Range{Fixed: newest})
	}
	if len(f) == 1 && newest != "" {
		return out
	}
	for _, branch := range slices.Sorted(maps.Keys(f)) {
		if branch != "" {
			out = append(out, Range{Fixed: f[branch].version, Branch: branch})
		}
	}
	return out
}
