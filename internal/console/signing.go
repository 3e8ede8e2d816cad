package console

import (
	"os"
	"strconv"
	"strings"

	"muster"
)

// quoted is a word as a POSIX shell reads it.
func quoted(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,@%+"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// command is a command of muster, to type.
func command(args ...string) string {
	all := []string{"muster"}
	for _, a := range args {
		all = append(all, quoted(a))
	}
	return strings.Join(all, " ")
}

// sign carries a command out with the key of whoever looks, who has seen what it does.
func (v *visit) sign(args ...string) (said string, err error) {
	if v.Signer == nil {
		return "", muster.WithHint(muster.Errorf(muster.Denied, "no key is here that could sign"), "%s", command(args...))
	}
	said, err = v.Signer.Run(v.ctx(), args...)
	return strings.TrimSpace(said), err
}

// besides keeps text in a file while a command that reads it runs, on the machine of
// who signs.
func (v *visit) besides(text string, do func(file string) error) error {
	f, err := os.CreateTemp("", "muster-console-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = do(f.Name())
	}
	return err
}

// typed reports whether the number of hosts was typed, where that is asked for.
func (v *visit) typed(hosts int) error {
	if hosts > confirmAbove && strings.TrimSpace(v.PostForm.Get("confirm")) != strconv.Itoa(hosts) {
		return muster.Errorf(muster.Invalid, "type %d, the number of hosts, to confirm", hosts)
	}
	return nil
}
