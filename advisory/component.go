package advisory

import (
	"net/url"
	"strings"
)

// A component is a package as CSAF names it.
type component struct {
	manager string // of whose packages it is one: "rpm"
	name    string
	version string // "" where it is a package of any version
	arch    string // "" every one
	module  string // "nodejs:18"
	source  bool
}

// componentOf reads the package that a product is: by its purl, or by its name
// as rpm writes it (name-epoch:version-release.arch). A name alone is a source
// package of rpm: so older documents of Red Hat have those without a fix.
//
// Packages of debugging data are passed over: nobody runs what is in them.
func componentOf(p *product) (c component, ok bool) {
	if p.purl != "" {
		c, ok = purlComponent(p.purl)
		if ok && c.manager == "rpm" && !strings.Contains(c.version, ":") {
			c.version = borrowEpoch(c.version, nevra(p.name).version)
		}
	} else if p.cpe == "" {
		c = nevra(p.name)
		ok = c.name != ""
	}
	for _, suffix := range []string{"-debuginfo", "-debugsource", "-debuginfo-common"} {
		ok = ok && !strings.HasSuffix(c.name, suffix)
	}
	return c, ok
}

// purlKinds are the types of purl that are packages of a manager.
var purlKinds = map[string]string{"rpm": "rpm", "deb": "dpkg", "apk": "apk", "alpm": "pacman"}

// purlComponent reads a package URL: pkg:rpm/redhat/curl@7.76.1-14.el9?arch=src&epoch=1.
func purlComponent(purl string) (c component, ok bool) {
	kind, path, version, qualifiers, ok := cutPurl(purl)
	c.manager = purlKinds[kind]
	if !ok || c.manager == "" {
		return c, false
	}
	c.name, c.version = path[strings.LastIndexByte(path, '/')+1:], version
	c.arch = qualifiers.Get("arch")
	if c.arch == "src" || c.arch == "nosrc" || c.arch == "source" {
		c.arch, c.source = "", true
	}
	if c.version != "" && c.manager == "rpm" {
		c.version = joinEVR(qualifiers.Get("epoch"), c.version, "")
	}
	if module := qualifiers.Get("rpmmod"); strings.Contains(module, ":") {
		c.module = moduleStream(module)
		if _, stream, _ := strings.Cut(c.module, ":"); stream == c.version {
			c.version = "" // of a package of the module in any version
		}
	}
	return c, c.name != ""
}

// cutPurl takes a package URL apart and decodes its parts.
func cutPurl(purl string) (kind, path, version string, qualifiers url.Values, ok bool) {
	rest, ok := strings.CutPrefix(purl, "pkg:")
	if !ok {
		return "", "", "", nil, false
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	qualifiers, err := url.ParseQuery(strings.ReplaceAll(query, "+", "%2B"))
	if err != nil {
		return "", "", "", nil, false
	}
	if i := strings.LastIndexByte(rest, '@'); i > 0 {
		rest, version = rest[:i], rest[i+1:]
	}
	if version, err = url.PathUnescape(version); err != nil {
		return "", "", "", nil, false
	}
	if rest, err = url.PathUnescape(rest); err != nil {
		return "", "", "", nil, false
	}
	kind, path, ok = strings.Cut(strings.TrimLeft(rest, "/"), "/")
	return strings.ToLower(kind), strings.Trim(path, "/"), version, qualifiers, ok
}

// rpmArchs are architectures of rpm by which a name as rpm writes it can end.
var rpmArchs = map[string]bool{
	"x86_64": true, "x86_64_v2": true, "i386": true, "i486": true, "i586": true, "i686": true, "aarch64": true,
	"ppc": true, "ppc64": true, "ppc64le": true, "s390": true, "s390x": true, "ia64": true, "armv6hl": true,
	"armv7hl": true, "riscv64": true, "loongarch64": true, "noarch": true, "src": true, "nosrc": true,
}

// nevra reads the name of a package as rpm writes it, or a name alone. What has
// a slash is an image of a container.
func nevra(text string) (c component) {
	c.manager = "rpm"
	text, module, modular := strings.Cut(text, "::") // curl-1-2.module+el8.x86_64::curl:1
	if strings.ContainsAny(text, "/ @") || modular && !strings.Contains(module, ":") {
		return component{}
	}
	if modular {
		c.module = moduleStream(module)
	}
	dot := strings.LastIndexByte(text, '.')
	if dot < 0 || !rpmArchs[text[dot+1:]] {
		if strings.ContainsAny(text, ":") {
			return component{}
		}
		c.name, c.source = text, true
		return c
	}
	c.arch = text[dot+1:]
	if c.arch == "src" || c.arch == "nosrc" {
		c.arch, c.source = "", true
	}
	text = text[:dot]
	release := strings.LastIndexByte(text, '-')
	if release < 0 {
		c.name = text // of any version
		return c
	}
	version := strings.LastIndexByte(text[:release], '-')
	if version < 0 || version+1 == release || release+1 == len(text) {
		return component{}
	}
	c.name, c.version = text[:version], joinEVR("", text[version+1:release], text[release+1:])
	return c
}

// moduleOf is the module that a product is, or "".
func moduleOf(p *product) string {
	kind, path, version, _, ok := cutPurl(p.purl)
	if ok && kind == "rpmmod" && version != "" {
		return path[strings.LastIndexByte(path, '/')+1:] + ":" + strings.SplitN(version, ":", 2)[0]
	}
	if p.purl == "" && p.cpe == "" && strings.Count(p.name, ":") == 3 && !strings.ContainsAny(p.name, "/ ") {
		return moduleStream(p.name) // nodejs:18:8080020230718123456:63b34585
	}
	return ""
}

// moduleStream is name and stream of a module whose version may follow.
func moduleStream(module string) string {
	parts := strings.SplitN(module, ":", 3)
	return parts[0] + ":" + parts[1]
}
