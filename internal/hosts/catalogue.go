package hosts

import (
	"context"
	"encoding/json"

	"muster"
	"muster/api"
	"muster/internal/db"
	"muster/search"
)

// Software lists the software that hosts have now, by name, with the number of
// hosts. q is what stands behind "package:" in a search: "openssl<3.0.2", "dpkg/lib*".
func (p *Part) Software(ctx context.Context, q, cursor string, limit int) (out api.SoftwarePage, err error) {
	c := catalogue{limit: limit}
	c.limit = limited(c.limit)
	if c.term, err = softwareTerm(q); err != nil {
		return out, err
	}
	if c.after, err = readCatalogueCursor(cursor); err != nil {
		return out, err
	}
	err = p.h.DB.Read(ctx, func(tx *db.Tx) error {
		c.out = api.SoftwarePage{Software: []api.Software{}}
		return c.read(tx, p)
	})
	return c.out, err
}

// softwareTerm reads what is asked for.
func softwareTerm(q string) (*search.Term, error) {
	if q == "" {
		q = "*"
	}
	query, err := search.Parse("package:" + q)
	if err != nil {
		return nil, err
	}
	root := query.Root()
	if root.Op != search.Is || root.Term.Field == nil || root.Term.Field.Kind != search.Package {
		return nil, muster.WithHint(muster.Errorf(muster.Invalid, "%q names no software", cut(q, 100)), "write it as openssl<3.0.2")
	}
	return root.Term, nil
}

// A catalogue is a page of software in the making.
type catalogue struct {
	term  *search.Term
	after [2]any // name and number of the last row of the page before
	limit int
	out   api.SoftwarePage
}

// read has memory say which rows there are, and the database what they are.
func (c *catalogue) read(tx *db.Tx, p *Part) error {
	var rows []shelf
	after := shelf{name: c.after[0].(string), num: c.after[1].(int64)}
	err := p.h.ask(tx, func(q *inquiry) error {
		rows = q.shelves(c.term, p.see, after, c.limit+1)
		return nil
	})
	if err != nil {
		return err
	}
	if len(rows) > c.limit {
		rows = rows[:c.limit]
		last := rows[c.limit-1]
		if c.out.Next, err = printCatalogueCursor([2]any{last.name, last.num}); err != nil {
			return err
		}
	}
	nums := make([]int64, len(rows))
	for i, r := range rows {
		nums[i] = r.num
	}
	words, err := p.h.words.words(tx, nums)
	for _, r := range rows {
		if w := words[r.num]; w != nil {
			c.out.Software = append(c.out.Software, api.Software{Source: w.source, Name: w.Name, Version: w.Version, Arch: w.Architecture, Hosts: r.hosts})
		}
	}
	return err
}

// printCatalogueCursor says where a page ends.
func printCatalogueCursor(after [2]any) (string, error) {
	data, err := json.Marshal(after)
	return string(data), err
}

func readCatalogueCursor(text string) (after [2]any, err error) {
	if text == "" {
		return [2]any{"", int64(0)}, nil
	}
	bad := muster.Errorf(muster.Invalid, "%q is no cursor of a list of software", cut(text, 64))
	if len(text) > 4096 {
		return after, bad
	}
	var raw [2]json.RawMessage
	var name string
	var num int64
	if json.Unmarshal([]byte(text), &raw) != nil || json.Unmarshal(raw[0], &name) != nil || json.Unmarshal(raw[1], &num) != nil {
		return after, bad
	}
	return [2]any{name, num}, nil
}
