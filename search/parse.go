package search

import "muster"

// Parse reads a query. Errors name the column, counted in characters from 1.
func Parse(s string) (*Query, error) {
	tokens, err := lex(s)
	if err != nil {
		return nil, err
	}
	if tokens[0].kind == 0 {
		return &Query{}, nil
	}
	p := parser{rest: tokens}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if t := p.rest[0]; t.kind != 0 {
		return nil, errorAt(t.at, "a parenthesis closes that was not opened")
	}
	return &Query{root: root}, nil
}

type parser struct {
	rest  []token // the last is the end
	depth int
	terms int
}

func (p *parser) take() token {
	t := p.rest[0]
	p.rest = p.rest[1:]
	return t
}

func (p *parser) or() (*Expr, error) {
	return p.list(Or, p.and, func() bool {
		if p.rest[0].keyword() != "or" {
			return false
		}
		p.take()
		return true
	})
}

func (p *parser) and() (*Expr, error) {
	return p.list(And, p.unary, func() bool {
		switch t := &p.rest[0]; {
		case t.kind == 0 || t.kind == ')' || t.keyword() == "or":
			return false
		case t.keyword() == "and":
			p.take()
		}
		return true
	})
}

// list reads parts as long as more of them follow.
func (p *parser) list(op Op, part func() (*Expr, error), more func() bool) (*Expr, error) {
	e := &Expr{Op: op}
	for {
		o, err := part()
		if err != nil {
			return nil, err
		}
		if o.Op == op {
			e.Of = append(e.Of, o.Of...)
		} else {
			e.Of = append(e.Of, o)
		}
		if !more() {
			break
		}
	}
	if len(e.Of) == 1 {
		return e.Of[0], nil
	}
	return e, nil
}

func (p *parser) unary() (*Expr, error) {
	t := p.take()
	if p.depth++; p.depth > MaxDepth {
		return nil, errorAt(t.at, "more than %d parentheses and negations in one another", MaxDepth)
	}
	defer func() { p.depth-- }()
	switch word := t.keyword(); {
	case t.kind == '-' || word == "not":
		return p.negation()
	case t.kind == '(':
		return p.parentheses(t)
	case t.kind == ')' || t.kind == 0:
		return nil, errorAt(t.at, "a term is missing")
	case word != "":
		return nil, muster.WithHint(errorAt(t.at, "a term is missing before %q", word), `write "%s" in quotes to search for the word`, word)
	}
	if p.terms++; p.terms > MaxTerms {
		return nil, errorAt(t.at, "more than %d terms", MaxTerms)
	}
	return parseTerm(t)
}

func (p *parser) negation() (*Expr, error) {
	o, err := p.unary()
	if err != nil {
		return nil, err
	}
	return &Expr{Op: Not, Of: []*Expr{o}}, nil
}

func (p *parser) parentheses(open token) (*Expr, error) {
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if t := p.take(); t.kind != ')' {
		return nil, errorAt(open.at, "a parenthesis that does not close")
	}
	return e, nil
}
