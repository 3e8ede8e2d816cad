package settings

import "fmt"

// A Layer is one source of settings of the agent.
type Layer struct {
	From   string // for people: "config office 3, assigned by group lab"
	Values map[string]string
}

// A Value is a setting in force, and where it comes from.
type Value struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from,omitempty"` // "" is the default
	Over  string `json:"over,omitempty"` // whose other value does not count
}

// A Problem is a value that is not in force because it is wrong, or of a setting
// that this agent does not have.
type Problem struct {
	From string `json:"from"`
	Err  error  `json:"-"`
	Text string `json:"error"`
}

// Resolve lays layers over the defaults, each over those before it. Values that
// are wrong are skipped and told; the rest holds.
func Resolve(layers []Layer) (*Agent, []Value, []Problem) {
	a := new(Agent)
	values := make(map[string]*Value, len(table))
	for _, s := range table {
		if s.Default != "" {
			// Defaults are right: TestDefaults.
			_ = s.read(a, s.Default)
		}
		values[s.Name] = &Value{Name: s.Name, Value: s.Default}
	}
	var problems []Problem
	for _, l := range layers {
		for name, value := range ordered(l.Values) {
			next := *a
			if err := next.set(name, value); err != nil {
				problems = append(problems, Problem{l.From, err, fmt.Sprintf("%s: %v", l.From, err)})
				continue
			}
			*a = next
			v := values[name]
			v.Value, v.From, v.Over = value, l.From, v.From
		}
	}
	return a, inOrder(values), problems
}

func inOrder(values map[string]*Value) []Value {
	all := make([]Value, 0, len(table))
	for _, s := range table {
		all = append(all, *values[s.Name])
	}
	return all
}

// Defaults are the settings where nothing says otherwise.
func Defaults() *Agent {
	a, _, _ := Resolve(nil)
	return a
}
