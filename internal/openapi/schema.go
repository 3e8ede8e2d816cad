package openapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// schemas are the types of a document.
type schemas struct {
	comments *Comments
	all      map[string]*object
	types    map[string]reflect.Type
}

func (s *schemas) sorted() *object {
	o := obj()
	for _, name := range slices.Sorted(maps.Keys(s.all)) {
		o.set(name, s.all[name])
	}
	return o
}

// of is the schema of the type of v.
func (s *schemas) of(v any) (*object, error) { return s.schema(reflect.TypeOf(v)) }

var rawMessage = reflect.TypeFor[json.RawMessage]()

func (s *schemas) schema(t reflect.Type) (*object, error) {
	switch {
	case t == rawMessage:
		return obj(), nil // any JSON
	case t.Kind() == reflect.Pointer:
		return s.schema(t.Elem())
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return obj("type", "string", "contentEncoding", "base64"), nil
	case t.Name() != "" && t.PkgPath() != "" && (t.Kind() == reflect.Struct || t.Kind() == reflect.String):
		return s.named(t)
	case t.Kind() == reflect.Struct:
		return s.structure(t)
	}
	switch t.Kind() {
	case reflect.Bool:
		return obj("type", "boolean"), nil
	case reflect.String:
		return obj("type", "string"), nil
	case reflect.Float32, reflect.Float64:
		return obj("type", "number"), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return obj("type", "integer", "format", "int64"), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return obj("type", "integer", "format", "int64", "minimum", 0), nil
	case reflect.Slice, reflect.Array:
		items, err := s.schema(t.Elem())
		return obj("type", "array", "items", items), err
	case reflect.Map:
		values, err := s.schema(t.Elem())
		return obj("type", "object", "additionalProperties", values), err
	case reflect.Interface:
		return obj(), nil
	}
	return nil, fmt.Errorf("a %s has no schema", t)
}

// named is a reference to a type of the document.
func (s *schemas) named(t reflect.Type) (*object, error) {
	ref := obj("$ref", "#/components/schemas/"+t.Name())
	if was, there := s.types[t.Name()]; there {
		if was != t {
			return nil, fmt.Errorf("two types have the name %s: %s and %s", t.Name(), was.PkgPath(), t.PkgPath())
		}
		return ref, nil
	}
	if s.types == nil {
		s.types = map[string]reflect.Type{}
	}
	s.types[t.Name()] = t // before its members, which may be of its type
	schema := obj("type", "string")
	if t.Kind() == reflect.Struct {
		var err error
		if schema, err = s.structure(t); err != nil {
			return nil, err
		}
	}
	s.all[t.Name()] = schema.set("description", s.comments.of(t.Name(), ""))
	return ref, nil
}

func (s *schemas) structure(t reflect.Type) (*object, error) {
	properties, required := obj(), []string{}
	if err := s.members(t, properties, &required); err != nil {
		return nil, err
	}
	o := obj("type", "object", "properties", properties)
	if len(required) > 0 {
		o.set("required", required)
	}
	return o, nil
}

// members adds the fields of t as encoding/json writes them: those of embedded types
// among them.
func (s *schemas) members(t reflect.Type, properties *object, required *[]string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if f.Anonymous && name == "" {
			if err := s.members(f.Type, properties, required); err != nil {
				return err
			}
			continue
		}
		if name == "" {
			return fmt.Errorf("field %s of %s has no name in JSON", f.Name, t)
		}
		schema, err := s.schema(f.Type)
		if err != nil {
			return fmt.Errorf("field %s of %s: %w", f.Name, t, err)
		}
		properties.set(name, schema.set("description", s.comments.of(t.Name(), f.Name)))
		if !strings.Contains(options, "omit") {
			*required = append(*required, name)
			schema.nullable(f.Type)
		}
	}
	return nil
}

// nullable marks what encoding/json writes as null: a slice or map that nobody made.
func (o *object) nullable(t reflect.Type) {
	if t.Kind() != reflect.Slice && t.Kind() != reflect.Map && t.Kind() != reflect.Pointer {
		return
	}
	if kind, ok := o.values["type"].(string); ok {
		o.values["type"] = []string{kind, "null"}
	}
}
