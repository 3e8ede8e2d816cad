package advisory

import (
	"encoding/xml"
	"errors"
)

func (d *ovalDocument) test(e xml.StartElement) error {
	id, err := d.number(attr(e, "id"))
	if err != nil {
		return err
	}
	t := ovalTest{
		kind: d.once(e.Name.Local), check: d.once(attr(e, "check")),
		existence: d.once(attr(e, "check_existence")), operator: d.once(attr(e, "state_operator")),
	}
	err = d.x.each(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "object":
			t.object, err = d.number(attr(e, "object_ref"))
		case "state":
			var state int32
			state, err = d.number(attr(e, "state_ref"))
			t.states = append(t.states, state)
		}
		return err
	})
	d.tests[id] = t
	return err
}

func (d *ovalDocument) object(e xml.StartElement) error {
	id, err := d.number(attr(e, "id"))
	if err != nil {
		return err
	}
	var b ovalObject
	err = d.x.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "set", "filter":
			b.complex = true
			return nil
		case "behaviors":
			return nil
		}
		entity, err := d.entity(e)
		b.entities = append(b.entities, entity)
		return err
	})
	d.objects[id] = b
	return err
}

func (d *ovalDocument) state(e xml.StartElement) error {
	id, err := d.number(attr(e, "id"))
	if err != nil {
		return err
	}
	s := ovalState{operator: d.once(attr(e, "operator"))}
	err = d.x.each(func(e xml.StartElement) error {
		entity, err := d.entity(e)
		s.entities = append(s.entities, entity)
		return err
	})
	d.states[id] = s
	return err
}

func (d *ovalDocument) entity(e xml.StartElement) (ovalEntity, error) {
	variable, err := d.number(attr(e, "var_ref"))
	if err != nil {
		return ovalEntity{}, err
	}
	value, err := d.x.text()
	if len(value) > maxText*8 {
		return ovalEntity{}, d.x.fail(errors.New("a value is too long"))
	}
	operation := attr(e, "operation")
	if operation == "" {
		operation = "equals"
	}
	return ovalEntity{d.once(e.Name.Local), d.once(operation), d.once(value), variable}, err
}

// variable reads a constant one; those that are computed are not.
func (d *ovalDocument) variable(e xml.StartElement) error {
	if e.Name.Local != "constant_variable" {
		return nil
	}
	id, err := d.number(attr(e, "id"))
	if err != nil {
		return err
	}
	var values []string
	err = d.x.each(func(e xml.StartElement) error {
		value, err := d.x.text()
		if len(values) >= maxOvalNames {
			return d.x.fail(errors.New("a variable has too many values"))
		}
		values = append(values, d.once(value))
		return err
	})
	d.variables[id] = values
	return err
}
