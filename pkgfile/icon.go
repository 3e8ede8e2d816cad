package pkgfile

// MaxIcon bounds an icon, in bytes.
const MaxIcon = 64 << 10

// IconPaths are where the icon of a package lies, the preferred first. It is an
// ordinary file of the payload: every reader of format 1 takes it, and its hash is
// signed as that of every other file.
var IconPaths = []string{"payload/icon.svg", "payload/icon.png"}

// Icon returns the package's icon, or nil. A file of that name that is larger than an
// icon may be is data of the package's actions.
func (m *Manifest) Icon() *File {
	for _, path := range IconPaths {
		if f := m.Find(path); f != nil && f.Type == Regular && f.Size > 0 && f.Size <= MaxIcon {
			return f
		}
	}
	return nil
}
