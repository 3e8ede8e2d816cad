package recipe

// withUmask has nothing to do: Windows knows no umask. See fileMode.
func withUmask() func() { return func() {} }
