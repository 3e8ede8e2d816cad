package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"muster/api"
)

// A sheet is a list of the server as a table for people, or as CSV for other programs:
// the same columns, with times as each wants them.
type sheet struct {
	a    *app
	csv  bool
	none string // is said where there are no rows
	head []string
	rows [][]string
}

func (a *app) sheet(csv bool, none string, head ...string) *sheet {
	return &sheet{a: a, csv: csv, none: none, head: head}
}

func csvFlag(cmd *cobra.Command, csv *bool) {
	cmd.Flags().BoolVar(csv, "csv", false, "print comma-separated values (RFC 4180)")
}

func (s *sheet) add(cells ...string) { s.rows = append(s.rows, cells) }

// brief is a text of others that need not be read to its end; a table has to fit.
func (s *sheet) brief(text string) string {
	if r := []rune(text); !s.csv && len(r) > 24 {
		return strings.TrimSpace(string(r[:23])) + "…"
	}
	return text
}

// time is a moment in a cell; none is the word for 0.
func (s *sheet) time(t int64, none string) string {
	switch {
	case s.csv:
		return api.CellTime(t)
	case t == 0:
		return none
	}
	return stamp(t)
}

// ago is a moment of which people want to know how long it is past.
func (s *sheet) ago(t int64) string {
	if s.csv {
		return api.CellTime(t)
	}
	return s.a.seen(t)
}

// print answers with v where JSON was asked for, else with the rows.
func (s *sheet) print(v any) error {
	if s.csv {
		return s.printCSV()
	}
	return s.a.answer(v, func() error {
		if len(s.rows) == 0 {
			s.a.talk("%s", s.none)
			return nil
		}
		rows := []string{strings.ToUpper(strings.Join(s.head, "\t"))}
		for _, cells := range s.rows {
			rows = append(rows, row(cells...))
		}
		return s.a.table(rows)
	})
}

func (s *sheet) printCSV() error {
	w := s.a.csv()
	w.Row(s.head...) //nolint:errcheck // End has it
	for _, cells := range s.rows {
		w.Row(cells...) //nolint:errcheck // End has it
	}
	return w.End()
}

// pages asks for page after page, of at most most rows each, as far as limit (0: to the
// end).
func pages[T any](limit, most int, next func(cursor string, n int) ([]T, string, error)) ([]T, error) {
	found, cursor := []T{}, ""
	for {
		n := most
		if limit > 0 {
			n = min(n, limit-len(found))
		}
		page, more, err := next(cursor, n)
		if err != nil {
			return nil, err
		}
		found = append(found, page...)
		if cursor = more; more == "" || limit > 0 && len(found) >= limit {
			return found, nil
		}
	}
}

// dateOr reads a date that need not be given: 0 is none.
func (a *app) dateOr(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	return a.date(s)
}
