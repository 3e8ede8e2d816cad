package recipe

import (
	"context"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"muster"
	"muster/internal/recipe/archive"
	"muster/internal/script"
	"muster/pkgfile"
)

// hostFuncs are the functions that build() finds besides the helpers of every
// action, because only the builder can answer them.
var hostFuncs = map[string]func(*builder, context.Context, *arguments) (any, error){
	"config_file":    (*builder).configFile,
	"fetch":          (*builder).fetch,
	"merge_usr":      (*builder).mergeUsr,
	"relative_links": (*builder).relativeLinks,
	"set_capability": (*builder).setCapability,
	"set_mode":       (*builder).setMode,
	"set_owner":      (*builder).setOwner,
	"set_xattr":      (*builder).setXattr,
	"unpack":         (*builder).unpack,
}

// hostNames are the names that build() may use besides those of every action.
var hostNames = append(slices.Sorted(maps.Keys(hostFuncs)), preludeNames...)

func (b *builder) hostFuncs() map[string]script.HostFunc {
	all := make(map[string]script.HostFunc, len(hostFuncs))
	for name, fn := range hostFuncs {
		all[name] = func(ctx context.Context, args []any, kwargs map[string]any) (any, error) {
			return fn(b, ctx, &arguments{fn: name, args: args, kwargs: kwargs})
		}
	}
	return all
}

// configFile is config_file(path_or_pattern): people edit the file.
func (b *builder) configFile(_ context.Context, a *arguments) (any, error) {
	name := a.text("path")
	if err := a.done(); err != nil {
		return nil, err
	}
	rel, err := b.packagePath(name)
	if err != nil {
		return nil, err
	}
	pattern, ok := strings.CutPrefix(rel, "root/")
	if !ok {
		return nil, invalidf("config_file: %q does not lie below root/", name)
	}
	all, err := pkgfile.Walk(b.base)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, "/") {
		pattern += "/"
	}
	if err := checkPattern(pattern); err != nil {
		return nil, err
	}
	if !b.markPattern(all, pattern) {
		return nil, patternError(pattern)
	}
	return nil, nil
}

// setOwner is set_owner(path, "user:group").
func (b *builder) setOwner(_ context.Context, a *arguments) (any, error) {
	name, owner := a.text("path"), a.text("owner")
	at, err := b.attribute(a, name)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(owner, ":") {
		return nil, invalidf("set_owner: %q is not user:group", owner)
	}
	if owner == "root:root" {
		owner = ""
	}
	at.owner = owner
	return nil, nil
}

// setMode is set_mode(path, 0o4755).
func (b *builder) setMode(_ context.Context, a *arguments) (any, error) {
	name, mode := a.text("path"), a.intOr("mode", -1)
	at, err := b.attribute(a, name)
	if err != nil {
		return nil, err
	}
	if mode < 0 || mode > 0o7777 {
		return nil, invalidf("set_mode: mode %#o is out of range", mode)
	}
	at.mode, at.set = uint32(mode), true
	return nil, nil
}

// setXattr is set_xattr(path, name, value).
func (b *builder) setXattr(_ context.Context, a *arguments) (any, error) {
	name, attr, value := a.text("path"), a.text("name"), a.textOr("value", "")
	at, err := b.attribute(a, name)
	if err != nil {
		return nil, err
	}
	at.setXattr(attr, []byte(value))
	return nil, nil
}

// setCapability is set_capability(path, "cap_net_raw+ep").
func (b *builder) setCapability(_ context.Context, a *arguments) (any, error) {
	name, text := a.text("path"), a.text("capabilities")
	at, err := b.attribute(a, name)
	if err != nil {
		return nil, err
	}
	value, err := archive.Capability(text)
	if err != nil {
		return nil, err
	}
	at.setXattr(pkgfile.Capability, value)
	return nil, nil
}

// attribute ends the reading of arguments and returns the record of a file.
func (b *builder) attribute(a *arguments, name string) (*attribute, error) {
	if err := a.done(); err != nil {
		return nil, err
	}
	rel, err := b.packagePath(name)
	if err != nil {
		return nil, err
	}
	if err := b.exists(rel); err != nil {
		return nil, err
	}
	return b.attrs.of(rel), nil
}

// relative is the path below the build folder, with slashes.
func (b *builder) relative(name string) (string, error) {
	name = filepath.FromSlash(name)
	if !filepath.IsAbs(name) {
		name = filepath.Join(b.base, name)
	}
	rel, err := filepath.Rel(b.base, name)
	if err != nil || !filepath.IsLocal(rel) {
		return "", invalidf("%q does not lie in the build folder", name)
	}
	return filepath.ToSlash(rel), nil
}

// packagePath is the path in the package of a file that a script named,
// relative to the build folder or absolute.
func (b *builder) packagePath(name string) (string, error) {
	rel, err := b.relative(name)
	if err != nil {
		return "", err
	}
	top, rest, _ := strings.Cut(path.Clean(rel), "/")
	if top != "root" && top != "payload" || rest == "" {
		return "", invalidf("%q lies neither below root/ nor below payload/", name)
	}
	return rel, nil
}

func invalidf(format string, args ...any) error {
	return muster.Errorf(muster.Invalid, format, args...)
}

func patternError(pattern string) error {
	err := invalidf("%s: %q means no file of the package", fieldConfig, pattern)
	return muster.WithHint(err, "patterns are relative to the root, such as etc/tool/*.conf")
}
