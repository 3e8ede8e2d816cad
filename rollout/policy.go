package rollout

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"muster"
	"muster/deb822"
)

// A field is how one value of T is read and written. Print gives "" for a value
// that is left out.
type field[T any] struct {
	name  string
	parse func(*T, string) error
	print func(*T) string
}

// head are the fields of the first stanza, in the order in which people read them.
var head = []field[Document]{
	{"package", text(func(d *Document) *string { return &d.Package }), func(d *Document) string { return d.Package }},
	{"version", text(func(d *Document) *string { return &d.Version }), func(d *Document) string { return d.Version }},
	{"from", text(func(d *Document) *string { return &d.From }), func(d *Document) string { return d.From }},
	{"state", func(d *Document, s string) error { d.State = State(s); return nil }, func(d *Document) string {
		if d.State == Running {
			return ""
		}
		return string(d.State)
	}},
	{"start", set(func(d *Document) *time.Time { return &d.Start }, parseTime), func(d *Document) string { return d.Start.UTC().Format(timeForm) }},
	{"return", set(func(d *Document) *bool { return &d.Return }, parseYes), func(d *Document) string {
		if d.Return {
			return "yes"
		}
		return ""
	}},
	{"reason", text(func(d *Document) *string { return &d.Reason }), func(d *Document) string { return d.Reason }},
}

// ring are those of the others.
var ring = []field[Ring]{
	{"ring", text(func(r *Ring) *string { return &r.Name }), func(r *Ring) string { return r.Name }},
	{"percent", set(func(r *Ring) *Share { return &r.Percent }, parseShare), func(r *Ring) string {
		if r.Percent == 0 {
			return ""
		}
		return r.Percent.String()
	}},
	{"group", text(func(r *Ring) *string { return &r.Group }), func(r *Ring) string { return r.Group }},
	{"query", text(func(r *Ring) *string { return &r.Query }), func(r *Ring) string { return r.Query }},
	{"soak", set(func(r *Ring) *time.Duration { return &r.Soak }, parseSpan), func(r *Ring) string { return printSpan(r.Soak) }},
	{"success", set(func(r *Ring) *Share { return &r.Success }, parseShare), func(r *Ring) string { return r.Success.String() }},
	{"at-least", set(func(r *Ring) *Share { return &r.AtLeast }, parseShare), func(r *Ring) string { return r.AtLeast.String() }},
	{"max-errors", set(func(r *Ring) *int { return &r.MaxErrors }, parseCount), func(r *Ring) string {
		if r.MaxErrors < 0 {
			return ""
		}
		return fmt.Sprint(r.MaxErrors)
	}},
	{"max-error-rate", set(func(r *Ring) *Share { return &r.MaxErrorRate }, parseShare), func(r *Ring) string { return r.MaxErrorRate.String() }},
	{"after", set(func(r *Ring) *int { return &r.After }, parseCount), func(r *Ring) string { return fmt.Sprint(r.After) }},
}

func text[T any](place func(*T) *string) func(*T, string) error {
	return func(v *T, s string) error { *place(v) = s; return nil }
}

func set[T, V any](place func(*T) *V, parse func(string) (V, error)) func(*T, string) error {
	return func(v *T, s string) (err error) {
		*place(v), err = parse(s)
		return err
	}
}

// NewRing is a ring of which nothing was said yet.
func NewRing() Ring {
	return Ring{Success: 95_00, AtLeast: 80_00, MaxErrors: -1, MaxErrorRate: 10_00, After: 10}
}

// Read reads the policy of a package of kind rollout and that name. A field that
// is unknown is an error: who does not know what it asks for must not go ahead.
func Read(id string, policy []map[string]string) (*Document, error) {
	d := &Document{ID: id, State: Running}
	if len(policy) < 2 {
		return nil, muster.Errorf(muster.Invalid, "%d stanzas: a rollout has one about the package and one for each ring", len(policy))
	}
	if len(policy) > MaxRings+1 {
		return nil, muster.Errorf(muster.Invalid, "%d rings, more than %d", len(policy)-1, MaxRings)
	}
	err := read(d, head, policy[0])
	for i, stanza := range policy[1:] {
		if err != nil {
			break
		}
		r := NewRing()
		if err = read(&r, ring, stanza); err != nil {
			err.Stanza = i + 1
		}
		d.Rings = append(d.Rings, r)
	}
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, err)
	}
	if err := d.Check(); err != nil {
		return nil, muster.WithKind(muster.Invalid, err)
	}
	return d, nil
}

func read[T any](v *T, fields []field[T], stanza map[string]string) *FieldError {
	for _, name := range slices.Sorted(maps.Keys(stanza)) {
		i := slices.IndexFunc(fields, func(f field[T]) bool { return f.name == name })
		if i < 0 {
			return &FieldError{Field: name, Err: errors.New("unknown field")}
		}
		if err := fields[i].parse(v, stanza[name]); err != nil {
			return &FieldError{Field: name, Err: err}
		}
	}
	return nil
}

// Policy writes d as [Read] reads it.
func (d *Document) Policy() []map[string]string {
	all := []map[string]string{write(d, head)}
	for i := range d.Rings {
		all = append(all, write(&d.Rings[i], ring))
	}
	return all
}

func write[T any](v *T, fields []field[T]) map[string]string {
	stanza := map[string]string{}
	for _, f := range fields {
		if s := f.print(v); s != "" {
			stanza[f.name] = s
		}
	}
	return stanza
}

// Parse reads the text of a document; errors name the line.
func Parse(id, text string) (*Document, error) {
	stanzas, policy, err := stanzas(text)
	if err != nil {
		return nil, err
	}
	d, err := Read(id, policy)
	return d, lined(stanzas, err)
}

// ParseRings reads a text of rings alone.
func ParseRings(text string) ([]Ring, error) {
	stanzas, policy, err := stanzas(text)
	if err != nil {
		return nil, err
	}
	var rings []Ring
	for i := range policy {
		r := NewRing()
		if err := read(&r, ring, policy[i]); err != nil {
			err.Stanza = i
			return nil, lined(stanzas, muster.WithKind(muster.Invalid, err))
		}
		rings = append(rings, r)
	}
	return rings, nil
}

// stanzas reads fields in one line each; a longer value goes on in further lines.
func stanzas(text string) ([]deb822.Stanza, []map[string]string, error) {
	all, err := deb822.Parse(text)
	if err == nil && len(all) > MaxRings+1 {
		err = fmt.Errorf("%d stanzas, more than %d", len(all), MaxRings+1)
	}
	if err != nil {
		return nil, nil, muster.WithKind(muster.Invalid, err)
	}
	policy := make([]map[string]string, len(all))
	for i, s := range all {
		policy[i] = map[string]string{}
		for _, f := range s {
			if f.Value == "" {
				return nil, nil, muster.Errorf(muster.Invalid, "line %d: field %q has no value", f.Line, f.Name)
			}
			policy[i][strings.ToLower(f.Name)] = strings.Join(strings.Fields(f.Text()), " ")
		}
	}
	return all, policy, nil
}

// lined adds the line of the text to an error about a field.
func lined(all []deb822.Stanza, err error) error {
	var wrong *FieldError
	if !errors.As(err, &wrong) || wrong.Stanza >= len(all) {
		return err
	}
	f, _ := all[wrong.Stanza].Field(wrong.Field)
	if f.Line == 0 && len(all[wrong.Stanza]) > 0 {
		f.Line = all[wrong.Stanza][0].Line // of a field that is missing
	}
	return muster.Errorf(muster.Invalid, "line %d: %w", f.Line, err)
}

// String writes d as [Parse] reads it.
func (d *Document) String() string {
	var b strings.Builder
	print(&b, d, head)
	for i := range d.Rings {
		b.WriteString("\n")
		print(&b, &d.Rings[i], ring)
	}
	return b.String()
}

func print[T any](b *strings.Builder, v *T, fields []field[T]) {
	for _, f := range fields {
		if s := f.print(v); s != "" {
			fmt.Fprintf(b, "%s: %s\n", f.name, s)
		}
	}
}
