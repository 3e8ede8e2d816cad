package index

import (
	"iter"
	"slices"
	"strings"

	"muster"
	"muster/control"
)

// Outlines yields every package by its number with only what planning needs: name,
// version, kind, platforms, languages, maturity, relations, validity, applies-to, rollout, the hash of the manifest
// and the signers. Other fields may be empty, and [Index.Entry] reads them.
//
// The entry yielded is valid until the next one is asked for; what its fields
// hold stays valid. Equal relations of several packages share memory.
func (x *Index) Outlines() iter.Seq2[int, *Entry] {
	return func(yield func(int, *Entry) bool) {
		o := newOutliner()
		for i := range x.Len() {
			if e := o.outline(x.stanza(i)); e != nil && !yield(i, e) {
				return
			}
		}
	}
}

// An outliner reads the fields that planning needs. It knows which values it has
// read before, for they repeat.
type outliner struct {
	fields       fields
	entry        Entry
	control      control.Control
	words        map[string][]string
	dependencies map[string]control.Dependency
	relations    map[string]control.Relation
	// Lists of relations are cut from these, to allocate seldom.
	depends []control.Dependency
	others  []control.Relation
}

func newOutliner() *outliner {
	return &outliner{words: map[string][]string{}, dependencies: map[string]control.Dependency{},
		relations: map[string]control.Relation{}}
}

// outline reads one stanza; nil never happens in an index that was proved right.
func (o *outliner) outline(stanza string) *Entry {
	f := &o.fields
	if _, _, ok := f.cut(stanza); !ok {
		e, _ := readEntry(stanza)
		return e
	}
	o.control = control.Control{
		Name: f[fieldPackage], Version: f[fieldVersion], Kind: muster.Kind(f[fieldKind]),
		OS: o.list(f[fieldOS]), Architecture: o.list(f[fieldArchitecture]),
		MinOSVersion: f[fieldMinOSVersion], MaxOSVersion: f[fieldMaxOSVersion],
		ValidFrom: f[fieldValidFrom], ValidUntil: f[fieldValidUntil], Maturity: f[fieldMaturity], Rollout: f[fieldRollout],
	}
	if f[fieldLocale] != "" {
		o.control.Locale = o.list(f[fieldLocale])
	}
	c := &o.control
	var errs [3]error
	c.Depends, errs[0] = appendParts(&o.depends, f[fieldDepends], o.dependencies, control.ParseDependency)
	c.Conflicts, errs[1] = appendParts(&o.others, f[fieldConflicts], o.relations, control.ParseRelation)
	c.Provides, errs[2] = appendParts(&o.others, f[fieldProvides], o.relations, control.ParseRelation)
	if errs != [3]error{} {
		return nil
	}
	o.entry = Entry{Control: c, Filename: f[fieldFilename], ManifestSHA256: f[fieldManifestSHA256],
		NeedsCode: f[fieldNeedsCode] != "", Signers: o.list(f[fieldSigners]), text: stanza}
	return &o.entry
}

// list splits words.
func (o *outliner) list(s string) []string {
	list, ok := o.words[s]
	if !ok {
		list = strings.Split(s, ", ")
		o.words[s] = list
	}
	return list
}

// appendParts parses a list of relations behind those in memory.
func appendParts[T any](memory *[]T, list string, known map[string]T, parse func(string) (T, error)) ([]T, error) {
	if list == "" {
		return nil, nil
	}
	if n := strings.Count(list, ",") + 1; cap(*memory)-len(*memory) < n {
		*memory = make([]T, 0, max(n, 4096))
	}
	start := len(*memory)
	for more := true; more; {
		var part string
		part, list, more = cutRelation(list)
		v, ok := known[part]
		if !ok {
			var err error
			if v, err = parse(part); err != nil {
				return nil, err
			}
			known[part] = v
		}
		*memory = append(*memory, v)
	}
	return slices.Clip((*memory)[start:]), nil
}
