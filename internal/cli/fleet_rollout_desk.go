package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"muster"
	"muster/api"
	"muster/internal/repo"
	"muster/pkgfile"
	"muster/rollout"
	"muster/sign"
)

// A rolloutDesk is where documents of rollouts are published.
type rolloutDesk interface {
	// newest is the newest published document of that name, verified; nil: none.
	newest(ctx context.Context, name string) (*pkgfile.Manifest, error)
	// publish publishes files; no host sees the others without the first.
	publish(ctx context.Context, files []string) error
	close()
}

func (a *app) rolloutDesk(where string, id *sign.Identity) (rolloutDesk, error) {
	if where != "" && !onWeb(where) {
		if err := needRepository(where); err != nil {
			return nil, err
		}
		return &folderDesk{&repo.Publisher{Dir: where, Signers: []*sign.Identity{id}, Now: a.now()}}, nil
	}
	var p *api.PersonClient
	var err error
	if where == "" {
		p, err = a.person()
	} else {
		p, err = a.on(where)
	}
	if err != nil {
		return nil, err
	}
	return &serverDesk{a, p, id}, nil
}

type serverDesk struct {
	a  *app
	p  *api.PersonClient
	id *sign.Identity
}

func (s *serverDesk) newest(ctx context.Context, name string) (*pkgfile.Manifest, error) {
	return s.a.publishedManifest(ctx, s.p, muster.Rollout, name, s.id)
}

// publish uploads the files in their order: the document is there before what it holds.
func (s *serverDesk) publish(ctx context.Context, files []string) error {
	for _, f := range files {
		if _, err := s.a.upload(ctx, s.p, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *serverDesk) close() { s.p.Close() }

type folderDesk struct{ p *repo.Publisher }

func (f *folderDesk) newest(_ context.Context, name string) (*pkgfile.Manifest, error) {
	all, _, wrong, err := f.p.Rollouts()
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.Document.ID == name {
			return &pkgfile.Manifest{Control: *r.Entry.Control, Policy: r.Document.Policy()}, nil
		}
	}
	if len(wrong) > 0 {
		return nil, wrong[0]
	}
	return nil, nil
}

func (f *folderDesk) publish(_ context.Context, files []string) error {
	_, err := f.p.Publish(files...)
	return err
}

func (f *folderDesk) close() {}

func rolloutGateCommand(a *app) *cobra.Command {
	var signer signerFlags
	var state string
	var ring int
	cmd := &cobra.Command{
		Use:   "gate FOLDER ROLLOUT --ring N --key KEY",
		Short: "Say how far a rollout has come, in a repository without a server",
		Long: `Say in the head of a repository how far a rollout has come. A server does so by
itself; in a folder nobody counts hosts, and rings are opened by hand. Hosts take
nothing before the times that were signed.`,
		Example: "  muster rollout gate /srv/repo rollout-age-1.3-1 --ring 2 --key alice.key",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := a.publisher(args[0], signer)
			if err != nil {
				return err
			}
			gate := rollout.Gate{State: rollout.State(state), Ring: ring, Since: a.now().Unix()}
			if err := gate.Check(); err != nil {
				return usageError{err}
			}
			return a.setGate(p, args[1], gate)
		},
	}
	signer.add(cmd)
	cmd.Flags().StringVar(&state, "state", string(rollout.Running), "running, paused, halted, aborted or completed")
	cmd.Flags().IntVar(&ring, "ring", 0, "how many rings are open")
	cmd.MarkFlagRequired("ring")
	return cmd
}

func (a *app) setGate(p *repo.Publisher, id string, gate rollout.Gate) error {
	all, _, _, err := p.Rollouts()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(r repo.RolledOut) bool { return r.Document.ID == id }) {
		return muster.Errorf(muster.NotFound, "repository %q lists no rollout %q", p.Dir, id)
	}
	return a.reportRepo(p.SetGates(func(gates map[string]rollout.Gate) { gates[id] = gate }))
}
