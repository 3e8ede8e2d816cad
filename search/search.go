// Package search is the language in which people say which hosts they mean, and
// packages say to which hosts they apply:
//
//	os:debian package:openssl<3.0.2 -group:lab name:pc-* seen>7d memory>=8G (unit:paris or unit:lyon) "free text"
//
// Start with [Parse]; [Query.Match] holds a query against the [Facts] of one
// host, which [FactsOf] makes of an inventory. A server that has many hosts in
// a database walks [Query.Root] instead and asks SQL; both answer the same.
//
// # Grammar
//
//	query  = [ or ]
//	or     = and { "or" and }
//	and    = unary { [ "and" ] unary }
//	unary  = ( "-" | "not" ) unary | "(" or ")" | term
//	term   = word | field ( ":" | "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//
// A word ends at a blank or a parenthesis. In it, "..." takes everything
// literally but for \" and \\, and outside of quotes * stands for any text, ? for
// one character. Which fields there are, and what values they take, is in
// [Fields]; docs/reference/search.md is made of it.
//
// # Promise
//
// [Query.String] is the one way in which a query is printed, and reads as the
// same query. What a query means does not change: groups and packages keep
// them. Fields may be added.
//
// The package is pure: no I/O, no clock, no log.
package search

import (
	"strings"

	"muster"
)

// Bounds of a query.
const (
	MaxText  = 4096 // bytes
	MaxDepth = 32   // of parentheses and negations
	MaxTerms = 100
)

// A Query is what [Parse] read. The zero value matches every host.
type Query struct {
	root *Expr
}

// An Op joins the parts of an [Expr].
type Op int

// The operators.
const (
	Is  Op = iota // the term
	Not           // the one part is not so
	And           // every part is so; true without parts
	Or            // a part is so
)

// An Expr is a node of a query. Nobody changes it.
type Expr struct {
	Op   Op
	Of   []*Expr
	Term *Term // of Is
}

// Root returns the query as a tree. No And is part of an And, no Or of an Or, and
// neither has one part.
func (q *Query) Root() *Expr {
	if q.root == nil {
		return &Expr{Op: And}
	}
	return q.root
}

// All reports whether q matches every host because it says nothing.
func (q *Query) All() bool { return q.root == nil }

// Terms calls f for every term.
func (q *Query) Terms(f func(*Term)) { q.Root().each(f) }

func (e *Expr) each(f func(*Term)) {
	if e.Op == Is {
		f(e.Term)
	}
	for _, o := range e.Of {
		o.each(f)
	}
}

// String prints q in its one form.
func (q *Query) String() string {
	if q.root == nil {
		return ""
	}
	return q.root.print(Or)
}

// print writes e as a part of an expression of operator in, in parentheses where
// in binds more closely.
func (e *Expr) print(in Op) string {
	parts := make([]string, len(e.Of))
	for i, o := range e.Of {
		parts[i] = o.print(e.Op)
	}
	switch e.Op {
	case Is:
		return e.Term.String()
	case Not:
		return "-" + parts[0]
	case And:
		return enclose(strings.Join(parts, " "), in == Not)
	}
	return enclose(strings.Join(parts, " or "), in != Or)
}

func enclose(s string, yes bool) string {
	if yes {
		return "(" + s + ")"
	}
	return s
}

// errorAt says what is wrong at a column, the first of which is 1.
func errorAt(at int, format string, args ...any) error {
	return muster.Errorf(muster.Invalid, "column %d: "+format, append([]any{at}, args...)...)
}
