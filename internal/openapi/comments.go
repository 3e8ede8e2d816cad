package openapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
)

// Comments are what the source says of types and their fields.
type Comments struct{ text map[string]string }

// of is the comment of a type, or of a field of it.
func (c *Comments) of(name, field string) string {
	if field != "" {
		name += "." + field
	}
	return c.text[name]
}

// ReadComments reads the source of packages. Of types with the same name, the first
// folder counts.
func ReadComments(dirs ...string) (*Comments, error) {
	c := &Comments{text: map[string]string{}}
	for _, dir := range dirs {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, &fs.PathError{Op: "read the source of", Path: dir, Err: fs.ErrNotExist}
		}
		for _, name := range names {
			if err := c.read(name); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

func (c *Comments) read(name string) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, spec := range g.Specs {
			t := spec.(*ast.TypeSpec)
			doc := t.Doc
			if doc == nil {
				doc = g.Doc
			}
			c.add(t.Name.Name, doc)
			if st, ok := t.Type.(*ast.StructType); ok {
				c.fields(t.Name.Name, st)
			}
		}
	}
	return nil
}

func (c *Comments) fields(name string, t *ast.StructType) {
	for _, f := range t.Fields.List {
		for _, n := range f.Names {
			c.add(name+"."+n.Name, f.Doc)
			c.add(name+"."+n.Name, f.Comment)
		}
	}
}

// link is a name in brackets, as in Go's comments.
var link = regexp.MustCompile(`\[([\w.]+)\]`)

func (c *Comments) add(name string, doc *ast.CommentGroup) {
	if doc == nil || c.text[name] != "" {
		return
	}
	text := strings.Join(strings.Fields(doc.Text()), " ")
	c.text[name] = link.ReplaceAllString(text, "$1")
}
