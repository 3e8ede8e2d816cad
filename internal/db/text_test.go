package db

import (
	"slices"
	"strings"
	"testing"
)

// FuzzStatements builds statements around any text in quotes and comments, and
// holds that only the placeholders and ends outside of them count.
func FuzzStatements(f *testing.F) {
	f.Add("it's ? ;", "?;--'", "what's ?;", `a"b?;`)
	f.Add("", "", "", "")
	f.Add(`\`, "*", "/*", "--")
	f.Add("''", "/", "-", "'")
	f.Fuzz(func(t *testing.T, text, block, line, name string) {
		text = "'" + strings.ReplaceAll(text, "'", "''") + "'"
		name = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		block = "/*" + strings.ReplaceAll(block, "*/", "") + "*/"
		for strings.Contains(block[2:len(block)-2], "*/") {
			block = "/*" + strings.ReplaceAll(block[2:len(block)-2], "*/", "") + "*/"
		}
		line = "--" + strings.ReplaceAll(line, "\n", "") + "\n"

		d := &DB{dialect: Postgres}
		pieces := []string{"SELECT " + text, block + " ", ", " + name + " ", line, " - / 1"}
		if got, want := d.bind(strings.Join(pieces, "?")), "SELECT "+text+"$1"+block+" $2, "+name+" $3"+line+"$4 - / 1"; got != want {
			t.Errorf("placeholders: %q, want %q", got, want)
		}
		d.dialect = SQLite
		if all := strings.Join(pieces, "?"); d.bind(all) != all {
			t.Error("placeholders of SQLite changed")
		}
		all := split("A " + text + ";" + block + "; " + name + "B" + line + ";;" + line + "C" + block + "D")
		if want := []string{"A " + text, name + "B", "C D"}; !slices.Equal(all, want) {
			t.Errorf("statements: %q, want %q", all, want)
		}
	})
}

// FuzzToken holds that the tokens are the text, cut into pieces.
func FuzzToken(f *testing.F) {
	f.Add("SELECT 'a''b', \"c\" -- d ?\n/* ; */ WHERE x = ? / - 2;")
	f.Add("'")
	f.Add("/*/")
	f.Add("--")
	f.Fuzz(func(t *testing.T, s string) {
		rest := s
		for rest != "" {
			piece := token(rest)
			if piece == "" || !strings.HasPrefix(rest, piece) {
				t.Fatalf("%q begins with the token %q", rest, piece)
			}
			rest = rest[len(piece):]
		}
		for _, statement := range split(s) {
			if again := split(statement); len(again) != 1 || again[0] != statement {
				t.Errorf("%q is split again: %q", statement, again)
			}
		}
	})
}

func TestTypes(t *testing.T) {
	types := Types{ID: "I", Blob: "B", Hash: "H({column})", Text: "V({length}) C({column} {length})", Long: "L"}
	got, err := types.replace(`a {{id}}, b {{blob}},"at" {{hash}}, c	{{text 36}} NOT NULL, d {{long}}) {{clustered}}; {x}`)
	if want := `a I, b B,"at" H("at"), c V(36) C(c 36) NOT NULL, d L) ; {x}`; err != nil || got != want {
		t.Errorf("got %q, want %q: %v", got, want, err)
	}
	for _, bad := range []string{"{{", "{{text}}", "{{id 5}}", "{{text 12345}}", "{{text 1; DROP}}", "{{}}", "{{ id }}", "{{TEXT 5}}"} {
		if got, err := types.replace(bad); err == nil {
			t.Errorf("%q is %q", bad, got)
		}
	}
}
