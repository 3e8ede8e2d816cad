package agent

import (
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestNames: names are asked for once in a while; a domain that is away holds a person up
// for a bounded time, and the names that were found count.
func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, away := 0, true
		b := newNameBook(func(id string) (string, error) {
			asked++
			if id == "domain" && away {
				time.Sleep(30 * time.Second)
				return "", errors.New("no domain controller answers")
			}
			return "name of " + id, nil
		}, 5*time.Second)
		began := time.Now()
		if all := b.names([]string{"local", "domain", "last"}); len(all) != 1 || all["local"] != "name of local" {
			t.Errorf("%v", all)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("waited %s", took)
		}
		if all := b.names([]string{"local", "domain"}); len(all) != 1 || asked != 2 {
			t.Errorf("%v after %d questions", all, asked)
		}
		time.Sleep(25 * time.Second) // the first question is answered: there is no such name, for now
		if all := b.names([]string{"local", "domain", "last"}); len(all) != 2 || asked != 3 {
			t.Errorf("%v after %d questions", all, asked)
		}
		away = false
		time.Sleep(noNameLife + time.Second)
		if all := b.names([]string{"local", "domain", "last"}); len(all) != 3 || asked != 4 {
			t.Errorf("%v after %d questions", all, asked)
		}
		time.Sleep(nameLife)
		if b.names([]string{"local"}); asked != 5 {
			t.Errorf("%d questions", asked)
		}
		for i := range 2 * maxNames {
			b.names([]string{strconv.Itoa(i)})
		}
		if len(b.known) > maxNames {
			t.Errorf("%d names are remembered", len(b.known))
		}
	})
}
