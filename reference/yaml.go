package reference

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"muster"
)

// MaxYAML bounds the bytes of a list in YAML: some 100,000 packages. Longer lists are
// written as CSV. maxMarks bounds what could become a node of it.
const (
	MaxYAML  = 8 << 20
	maxMarks = 1_500_000
)

// ParseYAML reads a list; file is for messages. Every name and every value has one
// meaning: names that are not known, that stand twice, and aliases are refused.
func ParseYAML(file string, data []byte) (*List, error) {
	l, err := parseYAML(data)
	if err == nil {
		err = l.Check()
	}
	if err != nil {
		return nil, muster.WithKind(muster.Invalid, fmt.Errorf("%q: %w", file, err))
	}
	return l, nil
}

func parseYAML(data []byte) (*List, error) {
	if len(data) > MaxYAML {
		return nil, muster.WithHint(fmt.Errorf("%d bytes, more than %d", len(data), MaxYAML), "write a long list as CSV")
	}
	if marks(data) > maxMarks {
		return nil, fmt.Errorf("more than %d values", maxMarks)
	}
	if l, ok := readCanonical(data); ok {
		return l, nil
	}
	return readDocument(data)
}

// readDocument reads the one document of a text.
func readDocument(data []byte) (*List, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		return nil, yamlError(err)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("line %d: more than one document", max(more.Line, 1))
	}
	l := &List{}
	return l, l.readYAML(doc.Content[0])
}

// marks counts what may begin a value.
func marks(data []byte) (n int) {
	for _, c := range data {
		switch c {
		case ',', '[', '{', '\n', '?', ':', '-':
			n++
		}
	}
	return n
}

// yamlError says what is most often wrong where YAML itself cannot be read: ">" begins
// a block of text.
func yamlError(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("there is nothing in it")
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	return muster.WithHint(errors.New(text), `put wishes into quotes: want: ">= 1.2"`)
}

// A field is a name of a mapping and what reads its value.
type field struct {
	name string
	read func(n *yaml.Node) error
}

// readFields reads a mapping.
func readFields(n *yaml.Node, fields []field) error {
	if n.Kind != yaml.MappingNode {
		return &lineError{n.Line, "", errors.New("names and their values are expected here")}
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == k.Value })
		switch {
		case k.Kind != yaml.ScalarNode || at < 0:
			var names []string
			for _, f := range fields {
				names = append(names, f.name)
			}
			return muster.WithHint(&lineError{k.Line, "", fmt.Errorf("there is no %.40q here", k.Value)}, "names are %s", strings.Join(names, ", "))
		case seen[k.Value]:
			return &lineError{k.Line, "", fmt.Errorf("%q stands twice", k.Value)}
		}
		seen[k.Value] = true
		if err := fields[at].read(v); err != nil {
			var located *lineError
			if errors.As(err, &located) {
				return err
			}
			return &lineError{v.Line, k.Value, err}
		}
	}
	return nil
}

// A lineError says where a value stands, and what it is the value of, if that is known.
type lineError struct {
	line int
	name string
	err  error
}

func (e *lineError) Error() string {
	if e.name == "" {
		return fmt.Sprintf("line %d: %v", e.line, e.err)
	}
	return fmt.Sprintf("line %d: %s: %v", e.line, e.name, e.err)
}

func (e *lineError) Unwrap() error { return e.err }

func (l *List) readYAML(n *yaml.Node) error {
	return readFields(n, []field{
		{"name", func(n *yaml.Node) error { return readText(n, &l.Name) }},
		{"note", func(n *yaml.Node) error { return readText(n, &l.Note) }},
		{"for", l.For.readYAML},
		{"until", func(n *yaml.Node) error { return readUntil(n, &l.Until) }},
		{"complete", func(n *yaml.Node) error { return readYes(n, &l.Complete) }},
		{"optional", func(n *yaml.Node) error { return readYes(n, &l.Optional) }},
		{"newest-of", func(n *yaml.Node) error { return readText(n, &l.NewestOf) }},
		{"packages", l.readPackages},
	})
}

func (s *Scope) readYAML(n *yaml.Node) error {
	return readFields(n, []field{
		{"tags", func(n *yaml.Node) error { return readWords(n, &s.Tags) }},
		{"systems", func(n *yaml.Node) error { return readWords(n, &s.Systems) }},
		{"sites", func(n *yaml.Node) error { return readWords(n, &s.Sites) }},
	})
}

func (l *List) readPackages(n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		return errors.New("a list is expected here, '- name: ...' for each package")
	}
	if len(n.Content) > MaxWanted {
		return fmt.Errorf("more than %d packages", MaxWanted)
	}
	l.Wanted = make([]Wanted, len(n.Content))
	for i, c := range n.Content {
		w := &l.Wanted[i]
		err := w.readYAML(c)
		if err == nil {
			err = w.check(true)
		}
		if err != nil {
			var located *lineError
			if errors.As(err, &located) {
				return err
			}
			return &lineError{c.Line, w.Name, err}
		}
	}
	return nil
}

func (w *Wanted) readYAML(n *yaml.Node) error {
	return readFields(n, []field{
		{"name", func(n *yaml.Node) error { return readText(n, &w.Name) }},
		{"want", func(n *yaml.Node) error { return readWant(n, &w.Want) }},
		{"manager", func(n *yaml.Node) error { return readText(n, &w.Manager) }},
		{"arch", func(n *yaml.Node) error { return readText(n, &w.Arch) }},
		{"until", func(n *yaml.Node) error { return readUntil(n, &w.Until) }},
		{"optional", func(n *yaml.Node) error { return readYes(n, &w.Optional) }},
		{"note", func(n *yaml.Node) error { return readText(n, &w.Note) }},
	})
}

// readText takes the text as it stands: 1.10 is no number here.
func readText(n *yaml.Node, to *string) error {
	if n.Kind != yaml.ScalarNode {
		return errors.New("a text is expected here")
	}
	*to = strings.TrimSpace(n.Value)
	return nil
}

func readWords(n *yaml.Node, to *[]string) error {
	if n.Kind != yaml.SequenceNode || len(n.Content) > MaxScope {
		return fmt.Errorf("a list of at most %d words is expected here, [a, b]", MaxScope)
	}
	for _, c := range n.Content {
		var word string
		if err := readText(c, &word); err != nil {
			return err
		}
		*to = append(*to, word)
	}
	return nil
}

func readYes(n *yaml.Node, to *bool) error {
	*to = n.Value == "true"
	if n.Kind != yaml.ScalarNode || !*to && n.Value != "false" {
		return errors.New("true or false is expected here")
	}
	return nil
}

func readUntil(n *yaml.Node, to *int64) (err error) {
	if n.Kind != yaml.ScalarNode {
		return errors.New("a day or a time is expected here")
	}
	*to, err = parseUntil(n.Value)
	return err
}

func readWant(n *yaml.Node, to *Want) (err error) {
	if n.Kind != yaml.ScalarNode {
		return errors.New("a wish is expected here")
	}
	*to, err = ParseWant(n.Value)
	return err
}
