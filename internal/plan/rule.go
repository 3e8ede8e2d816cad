package plan

import "muster/control"

// A ruleKind is what a clause says.
type ruleKind uint8

const (
	ruleDefine  ruleKind = iota // what an auxiliary variable means
	ruleDepends                 // pkg depends on dep
	ruleClash                   // pkg conflicts with other, through dep[0]
	ruleSame                    // pkg and other are versions of one name
	ruleInstall                 // the request asks for dep[0]
	ruleWanted                  // by assigns dep[0]
	ruleRemove                  // the request removes the name of pkg
	ruleKeep                    // the installed package pkg must stay in some version
	ruleHold                    // pkg is not the version that is held
	rulePin                     // pkg is outside its pin
	ruleDown                    // pkg is older than what is installed
	ruleNewest                  // pkg is what an upgrade should reach (only to explain)
)

// A rule is the meaning of a clause.
type rule struct {
	kind       ruleKind
	pkg, other int32
	dep        control.Dependency
	by         string
}
