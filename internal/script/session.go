package script

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"sync/atomic"

	"go.starlark.net/lib/json"
	"go.starlark.net/lib/math"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// A session is the run of one script, in the child.
type session struct {
	shared
	req      *wireRequest
	to       *frameWriter
	thread   *starlark.Thread
	reported atomic.Bool
	program  atomic.Pointer[programGuard] // that runs now
	reboot   bool
	declared *starlark.List // uninstallkey
	audit    map[string]any // section -> map[string]any

	auditSize int // bytes recorded
}

func newSession(req *wireRequest, to *frameWriter) *session {
	s := &session{
		req: req, to: to,
		shared: shared{
			stopped: make(chan struct{}), orphaned: make(chan struct{}), replies: make(chan *reply, 1),
		},
		declared: starlark.NewList(nil),
		audit:    map[string]any{},
	}
	s.thread = &starlark.Thread{
		Name:       req.Hook,
		Print:      func(_ *starlark.Thread, msg string) { s.logf("%s", msg) },
		OnMaxSteps: s.inspect,
	}
	s.thread.SetMaxExecutionSteps(stepsBetweenChecks)
	return s
}

// logf writes a line of the log.
func (s *session) logf(format string, args ...any) {
	fmt.Fprintf(s.to, format+"\n", args...) // without a parent there is nobody to tell
}

// scope is every name that a script can use besides Starlark's own.
func (s *session) scope() starlark.StringDict {
	r := s.req
	scope := starlark.StringDict{
		"control":        controlValue(r.Control),
		"params":         stringDict(r.Params),
		"root":           starlark.String(r.Root),
		"basedir":        starlark.String(workingFolder()),
		"persistent_dir": starlark.String(r.PersistentDir),
		"platform":       platformValue(r.Platform),
		"force":          starlark.Bool(r.Force),
		"attempt":        starlark.MakeInt(r.Attempt),
		"old_version":    starlark.String(r.OldVersion),
		"language":       starlark.String(r.Language),
		"user":           starlark.String(accountName()),
		"uninstallkey":   s.declared,
		"json":           json.Module,
		"math":           math.Module,
		"struct":         starlark.NewBuiltin("struct", starlarkstruct.Make),
	}
	for _, name := range registryNames {
		scope[name] = starlark.String(name)
	}
	s.addHelpers(scope)
	for _, name := range r.Host {
		scope[name] = starlark.NewBuiltin(name, s.callParent)
	}
	return scope
}

// callParent asks the parent to run a host function.
func (s *session) callParent(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	list, err := fromStarlark(args, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	named := starlark.StringDict{}
	for _, kv := range kwargs {
		named[string(kv[0].(starlark.String))] = kv[1]
	}
	options, err := mapFromStarlark(named, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	c := &call{Name: b.Name()}
	if c.Args, err = encode(list); err != nil {
		return nil, err
	}
	if c.Kwargs, err = encode(options); err != nil {
		return nil, err
	}
	if err := s.to.send(&message{Call: c}); err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	return s.awaitReply()
}

func (s *session) awaitReply() (starlark.Value, error) {
	select {
	case r := <-s.replies:
		if r.Error != "" {
			return nil, fmt.Errorf("%s", r.Error)
		}
		value, err := decode(r.Value)
		if err != nil {
			return nil, err
		}
		return toStarlark(value)
	case <-s.stopped:
		return starlark.None, nil // the interpreter ends at its next step
	}
}

// declareKeys adds what the script assigned to the global uninstallkey, a
// string or a list of strings as in WAPT.
func (s *session) declareKeys(v starlark.Value) error {
	if v == nil || v == s.declared {
		return nil
	}
	keys, err := textList(v)
	if err != nil {
		return fmt.Errorf("uninstallkey: %w", err)
	}
	for _, k := range keys {
		s.declare(k)
	}
	return nil
}

func (s *session) declare(key string) {
	if key != "" && !slices.Contains(s.keys(), key) {
		_ = s.declared.Append(starlark.String(key))
	}
}

func (s *session) keys() []string {
	keys, _ := textList(s.declared)
	return keys
}

func workingFolder() string {
	dir, _ := os.Getwd()
	return dir
}

func accountName() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

func stringDict(m map[string]string) *starlark.Dict {
	d, _ := toStarlark(anyMap(m)) // strings only: cannot fail
	return d.(*starlark.Dict)
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// textList takes a string, or a list, tuple or set of strings.
func textList(v starlark.Value) ([]string, error) {
	if s, ok := starlark.AsString(v); ok {
		return []string{s}, nil
	}
	seq, ok := v.(starlark.Iterable)
	if !ok {
		return nil, fmt.Errorf("got %s, want a string or a list of strings", v.Type())
	}
	var list []string
	for e := range starlark.Elements(seq) {
		s, ok := starlark.AsString(e)
		if !ok {
			return nil, fmt.Errorf("got %s in a list, want strings", e.Type())
		}
		list = append(list, s)
	}
	return list, nil
}

func textValues(list []string) *starlark.List {
	values := make([]starlark.Value, len(list))
	for i, s := range list {
		values[i] = starlark.String(s)
	}
	return starlark.NewList(values)
}
