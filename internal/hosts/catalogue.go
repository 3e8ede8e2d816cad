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
	if c.limit <= 0 || c.limit > 1000 {
		c.limit = 100
	}
	if c.term, err = softwareTerm(q); err != nil {
		return out, err
	}
	if c.after, err = readCatalogueCursor(cursor); err != nil {
		return out, err
	}
	err = p.h.DB.Read(ctx, func(tx *db.Tx) error {
		c.out = api.SoftwarePage{Software: []api.Software{}}
		for more := true; more; {
			var err error
			if more, err = c.read(tx, p); err != nil {
				return err
			}
		}
		return nil
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
	after [2]any // name and number of the last row that was read
	limit int
	out   api.SoftwarePage
}

// read reads some rows, and says whether to go on.
func (c *catalogue) read(tx *db.Tx, p *Part) (more bool, err error) {
	inner := condition{h: p.h, tx: tx}
	counts, args, err := p.counts(tx)
	if err != nil {
		return false, err
	}
	inner.args = args
	query := `SELECT w.num, w.source, w.name, w.version, w.body, n.hosts FROM hosts_software w JOIN ` + counts + ` n ON n.software = w.num
		WHERE n.hosts > 0 AND ` + inner.like(column{"w.name", false}, c.term.Whole()) + ` AND (w.name > ? OR (w.name = ? AND w.num > ?)) ORDER BY w.name, w.num LIMIT ?`
	const some = 1000
	rows, full := 0, false
	err = each(tx, query, append(inner.args, c.after[0], c.after[0], c.after[1], some), func(scan scanner) error {
		var num int64
		var s search.Software
		var body []byte
		out := api.Software{}
		if err := scan(&num, &s.Source, &s.Name, &s.Version, &body, &out.Hosts); err != nil || full {
			return err
		}
		rows++
		if !c.term.MatchSoftware(s) {
			c.after = [2]any{s.Name, num}
			return nil
		}
		if len(c.out.Software) == c.limit {
			full = true
			c.out.Next, err = printCatalogueCursor(c.after)
			return err
		}
		c.after = [2]any{s.Name, num}
		var p struct{ Name, Version, Arch string }
		if err := readJSON("software", body, &p); err != nil {
			return err
		}
		out.Source, out.Name, out.Version, out.Arch = s.Source, p.Name, p.Version, p.Arch
		c.out.Software = append(c.out.Software, out)
		return nil
	})
	return rows == some && !full, err
}

// counts is the table of how many hosts have a software: kept for all of them, and
// counted for who may see some.
func (p *Part) counts(tx *db.Tx) (string, []any, error) {
	if p.see.All() {
		return "hosts_count", nil, nil
	}
	in, args, err := p.in(tx, "x.host", p.see)
	return "(SELECT x.software, count(*) AS hosts FROM hosts_has x WHERE " + in + " GROUP BY x.software)", args, err
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
