package server

import "golang.org/x/sys/unix"

// clockSynchronised reports whether the kernel was told that something keeps its
// clock right (adjtimex(2)).
func clockSynchronised() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err != nil || state != unix.TIME_ERROR
}
