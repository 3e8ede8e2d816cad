package server

import (
	"context"
	"os"

	"muster"
	"muster/api"
	"muster/pkgfile"
)

// mayPublish refuses a package that its sender may not publish: who may assign
// packages need not be trusted with code. Whether its signer may is looked at by the
// publisher, of the same file.
func (s *Server) mayPublish(ctx context.Context, r *request, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return muster.WithKind(muster.Unavailable, err)
	}
	p, err := pkgfile.Open(f, info.Size())
	if err != nil {
		return err
	}
	r.deed = deed{p.Manifest.Control.Name + " " + p.Manifest.Control.Version, p.ManifestSHA256()}
	verb := publishVerb(p.Manifest)
	if verb == api.VerbAssign && p.Manifest.Control.Kind == muster.Host && !r.person.may(verb).All() {
		return s.part(r, verb).Alone(ctx, p.Manifest.Control.Name)
	}
	// What hosts a unit or a group will have, nobody knows.
	return r.person.everywhere(verb)
}

// publishVerb is what it takes to publish a package.
func publishVerb(m *pkgfile.Manifest) api.Verb {
	switch {
	case m.NeedsCode():
		return api.VerbPublish
	case m.Control.Kind == muster.Rollout:
		return api.VerbDeploy
	case m.Control.Kind == muster.Host || m.Control.Kind == muster.Unit || m.Control.Kind == muster.Group || m.Control.Kind == muster.Profile:
		return api.VerbAssign
	}
	return api.VerbPublish
}
