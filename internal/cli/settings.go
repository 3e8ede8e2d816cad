package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"muster/settings"
)

func settingsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "settings [NAME...]",
		Short: "Show the settings of the agent, and where each comes from",
		Long: `Show the settings of the agent with where each comes from: packages of kind
config, agent.conf, or the defaults; and the rules of self-service and for updates
of Windows that packages bring.`,
		Example: "  muster settings\n  muster settings maintenance-windows --json",
		RunE:    func(_ *cobra.Command, args []string) error { return a.settings(args) },
	}
	for _, s := range settings.All() {
		cmd.ValidArgs = append(cmd.ValidArgs, s.Name)
	}
	a.rootFlags(cmd)
	return cmd
}

// settingsFact is the JSON form of settings.
type settingsFact struct {
	Settings    []settings.Value   `json:"settings"`
	SelfService settings.Rules     `json:"self-service,omitempty"`
	Updates     settings.Updates   `json:"windows-updates,omitempty"`
	Problems    []settings.Problem `json:"problems,omitempty"`
}

func (a *app) settings(names []string) error {
	e, err := a.open()
	if err != nil {
		return err
	}
	layers, err := e.Layers()
	if err != nil {
		return err
	}
	var fact settingsFact
	_, fact.Settings, fact.Problems = settings.Resolve(layers)
	if fact.Settings, err = pick(fact.Settings, names); err != nil {
		return err
	}
	if len(names) == 0 {
		var more []settings.Problem
		if fact.SelfService, more, err = e.SelfService(); err != nil {
			return err
		}
		fact.Problems = append(fact.Problems, more...)
		if fact.Updates, more, err = e.WindowsUpdates(); err != nil {
			return err
		}
		fact.Problems = append(fact.Problems, more...)
	}
	return a.answer(fact, func() error { return a.printSettings(&fact) })
}

// pick keeps the settings of these names, all of them where there are none.
func pick(values []settings.Value, names []string) (kept []settings.Value, _ error) {
	if len(names) == 0 {
		return values, nil
	}
	for _, name := range names {
		n := len(kept)
		for _, v := range values {
			if v.Name == name {
				kept = append(kept, v)
			}
		}
		if len(kept) == n {
			return nil, usagef("there is no setting %q; muster settings lists them", name)
		}
	}
	return kept, nil
}

func (a *app) printSettings(f *settingsFact) error {
	var rows []string
	for _, v := range f.Settings {
		from := v.From
		switch {
		case from == "":
			from = "default"
		case v.Over != "":
			from += ", over " + v.Over
		}
		if v.Value == "" {
			v.Value = "any"
		}
		rows = append(rows, row(v.Name, v.Value, from))
	}
	if err := a.table(rows); err != nil {
		return err
	}
	for _, r := range f.SelfService {
		a.print("self-service: %s may %s %s (%s)", strings.Join(r.Who, ", "), listed(r.May), strings.Join(r.Packages, ", "), r.From)
	}
	for _, r := range f.Updates {
		a.print("updates of Windows: rules of %s", r.From)
	}
	for _, p := range f.Problems {
		line(a.err, "muster: not in force: %s", p.Text)
	}
	return nil
}

func listed[T ~string](all []T) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}
