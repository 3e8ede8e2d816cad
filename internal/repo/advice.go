package repo

import "muster"

// advised adds to an error of looking for news what a person can do, where
// nothing better was said. In every case what is kept stays as it was.
func advised(err error) error {
	if err == nil || muster.HintOf(err) != "" {
		return err
	}
	return muster.WithHint(err, "%s", advice[muster.KindOf(err)])
}

var advice = map[muster.ErrorKind]string{
	muster.Unavailable: "check the address and the network, then run 'muster update' again; what was known before stays in use",
	muster.NotFound:    "check that the address is that of a repository: it has a file Packages.p7m",
	muster.Denied:      "nothing was taken over; if 'muster update' goes on to say so, tell who publishes the repository",
	muster.Invalid:     "this is not what a repository offers: check the address; if it is right, tell who runs the server",
	muster.Stale:       "ask who publishes the repository to run 'muster repo refresh'",
	muster.Internal:    "nothing was taken over; run 'muster update' again",
}
