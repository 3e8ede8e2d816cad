// Package openapi makes an OpenAPI 3.1 document of a table of routes, of the Go types
// that they take and answer, and of the comments in the source of those types.
//
// Start with [ReadComments] and [Document]. It is run by the tests of the server, which
// hold the document that is served against what the program does now; no program
// links it.
package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An Operation is one route.
type Operation struct {
	Method, Path string
	Name         string // unique: of the function that serves it
	Tag          string
	Summary      string
	// Security names the scheme by which the caller proves who they are, or several of
	// which one will do, with commas between; "": none.
	Security string
	Verb     string
	Class    string // of rate limits
	Query    []Param
	In, Out  any    // a value of the type; nil: nothing
	InType   string // media type of the body, where it is not JSON
	OutType  string // of the answer; several with commas between
	Body     int64  // most bytes
}

// A Param is one of the query.
type Param struct {
	Name, Type, Text string
}

// An Info says what is described.
type Info struct {
	Title, Version, Description string
	Licence                     string // SPDX
	Schemes                     map[string]any
	Error                       any // a value of the type of every refusal
}

// A object keeps its members in the order in which they were added.
type object struct {
	names  []string
	values map[string]any
}

func obj(pairs ...any) *object {
	o := &object{values: map[string]any{}}
	for i := 0; i < len(pairs); i += 2 {
		o.set(pairs[i].(string), pairs[i+1])
	}
	return o
}

// set adds a member, unless the value says nothing.
func (o *object) set(name string, value any) *object {
	if value == nil || value == "" {
		return o
	}
	if _, there := o.values[name]; !there {
		o.names = append(o.names, name)
	}
	o.values[name] = value
	return o
}

// MarshalJSON writes the members in their order.
func (o *object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(name) + ":")
		value, err := encode(o.values[name])
		if err != nil {
			return nil, err
		}
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// Document returns the document, indented, the same for the same input.
func Document(info Info, all []Operation, comments *Comments) ([]byte, error) {
	s := &schemas{comments: comments, all: map[string]*object{}}
	paths := obj()
	for _, op := range all {
		item, ok := paths.values[op.Path].(*object)
		if !ok {
			item = obj()
			paths.set(op.Path, item)
		}
		o, err := s.operation(&op)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", op.Method, op.Path, err)
		}
		item.set(strings.ToLower(op.Method), o)
	}
	refused, err := s.of(info.Error)
	if err != nil {
		return nil, err
	}
	doc := obj("openapi", "3.1.0",
		"info", obj("title", info.Title, "version", info.Version, "description", info.Description, "license", obj("name", info.Licence, "identifier", info.Licence)),
		"servers", []any{obj("url", "/")},
		"paths", paths,
		"components", obj("schemas", s.sorted(),
			"responses", obj("Error", obj("description", "It was refused or failed: nothing has changed unless the message says so.", "content", obj("application/json", obj("schema", refused)))),
			"securitySchemes", info.Schemes))
	data, err := encode(doc)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Indent(&b, data, "", " ")
	return append(b.Bytes(), '\n'), err
}

// places finds the names in a path.
var places = regexp.MustCompile(`\{(\w+)\}`)

func (s *schemas) operation(op *Operation) (*object, error) {
	o := obj("operationId", op.Name, "tags", []string{op.Tag}, "summary", op.Summary)
	if op.Security != "" {
		var ways []any
		for name := range strings.SplitSeq(op.Security, ",") {
			ways = append(ways, obj(name, []any{}))
		}
		o.set("security", ways)
	} else {
		o.set("security", []any{})
	}
	if params := parameters(op); len(params) > 0 {
		o.set("parameters", params)
	}
	if err := s.body(o, op); err != nil {
		return nil, err
	}
	answers, err := s.answers(op)
	if err != nil {
		return nil, err
	}
	return o.set("responses", answers).set("x-muster-verb", op.Verb).set("x-muster-limits", op.Class), nil
}

func parameters(op *Operation) (all []any) {
	for _, m := range places.FindAllStringSubmatch(op.Path, -1) {
		all = append(all, obj("name", m[1], "in", "path", "required", true, "schema", obj("type", "string")))
	}
	for _, q := range op.Query {
		schema := obj("type", q.Type)
		if q.Type == "array" { // given several times
			schema.set("items", obj("type", "string"))
		}
		all = append(all, obj("name", q.Name, "in", "query", "description", q.Text, "schema", schema))
	}
	return all
}

func (s *schemas) body(o *object, op *Operation) error {
	if op.In == nil && op.InType == "" {
		return nil
	}
	kind, content := op.InType, obj()
	if op.In != nil {
		schema, err := s.of(op.In)
		if err != nil {
			return err
		}
		content.set("schema", schema)
	}
	if kind == "" {
		kind = "application/json"
	}
	text := ""
	if op.Body > 0 {
		text = fmt.Sprintf("At most %d bytes, before and after decompression.", op.Body)
	}
	o.set("requestBody", obj("description", text, "required", true, "content", obj(kind, content)))
	return nil
}

// answers are the success, and the refusals that the table of routes speaks of.
func (s *schemas) answers(op *Operation) (*object, error) {
	all := obj()
	switch {
	case op.Out != nil:
		schema, err := s.of(op.Out)
		if err != nil {
			return nil, err
		}
		kind := op.OutType
		if kind == "" {
			kind = "application/json"
		}
		all.set("200", obj("description", "Done.", "content", obj(kind, obj("schema", schema))))
	case op.OutType != "":
		content := obj()
		for kind := range strings.SplitSeq(op.OutType, ",") {
			content.set(kind, obj())
		}
		all.set("200", obj("description", "Done.", "content", content))
	default:
		all.set("204", obj("description", "Done."))
	}
	for _, status := range refusals(op) {
		all.set(strconv.Itoa(status), obj("$ref", "#/components/responses/Error"))
	}
	return all.set("default", obj("$ref", "#/components/responses/Error")), nil
}

func refusals(op *Operation) []int {
	all := []int{http.StatusBadRequest, http.StatusTooManyRequests, http.StatusServiceUnavailable}
	if strings.HasPrefix(op.Security, "session") {
		all = append(all, http.StatusUnauthorized)
	}
	if op.Security != "" {
		all = append(all, http.StatusForbidden)
	}
	if places.MatchString(op.Path) {
		all = append(all, http.StatusNotFound)
	}
	if op.In != nil || op.InType != "" {
		all = append(all, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if op.Method != http.MethodGet {
		all = append(all, http.StatusInsufficientStorage)
	}
	slices.Sort(all)
	return all
}
