//go:build darwin || freebsd

package agent

import "golang.org/x/sys/unix"

// peerUID is the user at the other end of a socket (unix(4), LOCAL_PEERCRED).
func peerUID(fd int) (int, error) {
	cred, err := unix.GetsockoptXucred(fd, solLocal, unix.LOCAL_PEERCRED)
	if err != nil {
		return -1, err
	}
	return int(cred.Uid), nil
}

// solLocal is SOL_LOCAL of <sys/un.h>.
const solLocal = 0
