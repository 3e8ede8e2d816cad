package plan

import "fmt"

// why explains the contradiction that the solver ended at.
func (e *encoder) why() *Unsatisfiable {
	var why Unsatisfiable
	for _, c := range e.s.core() {
		r := e.rules[e.s.clauses[c].rule]
		why.Sentences = append(why.Sentences, fmt.Sprintf("rule %d of %d", r.kind, r.pkg))
	}
	return &why
}
