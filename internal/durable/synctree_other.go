//go:build !linux

package durable

func syncTree(dir string) error { return syncEach(dir) }
