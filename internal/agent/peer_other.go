//go:build !linux && !darwin && !freebsd

package agent

import "errors"

// peerUID: Windows has unix sockets, and does not say who is at the other end. So
// nobody is allowed anything there.
func peerUID(int) (int, error) { return -1, errors.ErrUnsupported }
