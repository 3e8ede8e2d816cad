package console

import (
	"os"
	"slices"
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

// An order is a command of muster that signs.
type order struct {
	verb  []string // as in group edit
	about []string // what it names: none of them is an option, whatever it is called
	flags []string
}

// ordered is an order without options yet.
func ordered(verb string, about ...string) order {
	return order{verb: strings.Fields(verb), about: about}
}

// with has an option for each value that is not empty: flags and values in turn.
func (o order) with(pairs ...string) order {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			o.flags = append(slices.Clip(o.flags), pairs[i], pairs[i+1])
		}
	}
	return o
}

// String is the command as people type it.
func (o order) String() string {
	if slices.ContainsFunc(o.about, func(a string) bool { return strings.HasPrefix(a, "-") }) {
		return command(o.args()...)
	}
	return command(slices.Concat(o.verb, o.about, o.flags)...)
}

// args are what a Signer carries out, with flags besides.
func (o order) args(flags ...string) []string {
	return slices.Concat(o.verb, o.flags, flags, []string{"--"}, o.about)
}

// sign carries an order out with the key of whoever looks, who has seen what it does.
// The flags are of a command that asks no more.
func (v *visit) sign(o order, flags ...string) (said string, err error) {
	if v.Signer == nil {
		return "", muster.WithHint(muster.Errorf(muster.Denied, "no key is here that could sign"), "%s", o)
	}
	said, err = v.Signer.Run(v.ctx(), o.args(flags...)...)
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
		return fieldError{"confirm", muster.Errorf(muster.Invalid, "type %d, the number of hosts, to confirm", hosts)}
	}
	return nil
}
