//go:build !linux

package server

// clockSynchronised is not known here.
func clockSynchronised() bool { return true }
