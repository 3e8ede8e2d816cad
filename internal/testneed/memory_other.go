//go:build !linux

package testneed

const memory = ""

func roomy(string) bool { return false }
