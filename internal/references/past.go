package references

import (
	"context"

	"muster"
	"muster/internal/db"
	"muster/reference"
)

// matcherAt is a list as it was at a time, or, where that is 0, as it is.
func (r *References) matcherAt(ctx context.Context, name string, at int64) (*reference.Matcher, int64, error) {
	if at == 0 {
		r.mu.RLock()
		defer r.mu.RUnlock()
		if v := r.views[name]; v != nil {
			return v.matcher, v.revision, nil
		}
		return nil, 0, None(name)
	}
	s, err := r.listAt(ctx, name, at)
	if err != nil {
		return nil, 0, err
	}
	_, l, err := r.unpacked(s)
	if err != nil {
		return nil, 0, err
	}
	if l.NewestOf != "" {
		other := &reference.List{}
		if o, err := r.listAt(ctx, l.NewestOf, at); err == nil {
			if _, other, err = r.unpacked(o); err != nil {
				return nil, 0, err
			}
		} else if muster.KindOf(err) != muster.NotFound {
			return nil, 0, err
		}
		l, _ = l.Resolve(other)
	}
	return l.Matcher(at), s.revision, nil
}

// listAt reads what a list said at a time; NotFound where it was not there.
func (r *References) listAt(ctx context.Context, name string, at int64) (*stored, error) {
	var all []stored
	err := r.DB.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = read(tx, `list = ? AND "at" <= ? ORDER BY revision DESC LIMIT 1`, name, at)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 || all[0].removed {
		return nil, muster.Errorf(muster.NotFound, "there was no reference %.100q then", name)
	}
	return &all[0], nil
}
