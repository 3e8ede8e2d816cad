package install

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"

	"muster"
)

// SIDs of the system and of administrators.
const (
	localSystem    = "S-1-5-18"
	administrators = "S-1-5-32-544"
)

// makeState makes the folder of the state, in which only administrators write: in
// ProgramData everybody may add files, and a file added to trust.d, or to what is staged,
// would be obeyed. One that is there already must be an administrator's, or of who runs
// this: whoever owns a folder can let themselves in again.
func makeState(dir string) error {
	access, own, err := stateAccess()
	if err != nil {
		return err
	}
	sd, err := windows.SecurityDescriptorFromString(access)
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return err
	}
	attributes := &windows.SecurityAttributes{SecurityDescriptor: sd}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	err = windows.CreateDirectory(name, attributes)
	switch {
	case errors.Is(err, fs.ErrExist):
		return guardState(dir, own, sd)
	case err != nil:
		return &fs.PathError{Op: "mkdir", Path: dir, Err: err}
	}
	return nil
}

// stateAccess is who may do what in the folder, and the SID of this user. People who are no
// administrators, and have a tree of their own, write in it themselves.
func stateAccess() (access, own string, err error) {
	t, err := windows.OpenCurrentProcessToken()
	if err != nil {
		return "", "", err
	}
	defer t.Close()
	u, err := t.GetTokenUser()
	if err != nil {
		return "", "", err
	}
	own = u.User.Sid.String()
	access = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)"
	if t.IsElevated() || own == localSystem {
		return "O:BA" + access, own, nil
	}
	return access + "(A;OICI;FA;;;" + own + ")", own, nil
}

// guardState closes a folder that is there, if it is of somebody who may have it.
func guardState(dir, own string, sd *windows.SECURITY_DESCRIPTOR) error {
	there, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	owner, _, err := there.Owner()
	if err != nil {
		return err
	}
	if !slices.Contains([]string{localSystem, administrators, own}, owner.String()) {
		return muster.WithHint(muster.Errorf(muster.Denied, "%q was made by %s, who is no administrator", dir, owner), "look at what is in it, and remove it")
	}
	list, _, err := sd.DACL()
	if err != nil {
		return err
	}
	what := windows.SECURITY_INFORMATION(windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION)
	owns, _, err := sd.Owner()
	if err == nil && owns != nil {
		what |= windows.OWNER_SECURITY_INFORMATION
	}
	if err := windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, what, owns, nil, list, nil); err != nil {
		return fmt.Errorf("cannot keep others out of %q: %w", dir, err)
	}
	return nil
}
