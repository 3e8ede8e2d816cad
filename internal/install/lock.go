package install

import (
	"context"
	"io/fs"
	"time"

	"github.com/gofrs/flock"

	"muster"
)

// Lock keeps every other process from changing the root until unlock is
// called or this process ends, however it ends. It waits as long as ctx
// allows, then fails with kind [muster.Busy].
func (r *Root) Lock(ctx context.Context, wait time.Duration) (unlock func(), err error) {
	perm := fs.FileMode(0o600) // whoever can open the file can keep others waiting
	if r.Config.Area {
		perm = r.mode(0o644)
	}
	lock := flock.New(r.file("lock"), flock.SetPermissions(perm))
	ok, err := lock.TryLock()
	if err == nil && !ok && wait > 0 {
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		ok, err = lock.TryLockContext(ctx, 50*time.Millisecond)
		if ctx.Err() != nil {
			err = nil
		}
	}
	if err != nil {
		return nil, muster.WithKind(muster.Denied, err)
	}
	if !ok {
		return nil, muster.WithHint(
			muster.Errorf(muster.Busy, "another process is changing %q", r.Dir),
			"wait for it, or give --wait 10m")
	}
	return func() { lock.Unlock() }, nil
}
