package agent

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/windows"
)

var impersonateNamedPipeClient = windows.NewLazySystemDLL("advapi32.dll").NewProc("ImpersonateNamedPipeClient")

// identify asks the system who is at the other end of a pipe: by taking their part for a
// moment. The number of their process would not do: when that has ended, another may have
// it.
func identify(c net.Conn) (id string, find who, err error) {
	heard, ok := c.(*heardConn)
	if !ok {
		return "", nil, errors.New("nothing was read from it")
	}
	pipe, ok := heard.Conn.(interface{ Fd() uintptr })
	if !ok {
		return "", nil, errors.New("this is no pipe of this machine")
	}
	token, err := clientToken(windows.Handle(pipe.Fd()))
	if err != nil {
		return "", nil, err
	}
	defer token.Close()
	a, err := accountOf(token)
	if err != nil {
		return "", nil, err
	}
	own, err := ownAccount()
	if err != nil {
		return "", nil, err
	}
	return a.user, func() (*Peer, error) { return a.peer(own, book.names(append(a.groups, a.user)), machineName()), nil }, nil
}

// clientToken takes the part of who is at the other end of the pipe, looks at itself in
// that part, and is itself again. Where it could not be that, its thread ends with the
// goroutine, so that nothing else is ever done in somebody else's name.
func clientToken(pipe windows.Handle) (token windows.Token, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if ok, _, failed := impersonateNamedPipeClient.Call(uintptr(pipe)); ok == 0 {
			err = failed
			runtime.UnlockOSThread()
			return
		}
		// The agent's own right to open the token counts: who is only to be identified has none.
		err = windows.OpenThreadToken(windows.CurrentThread(), windows.TOKEN_QUERY, true, &token)
		if windows.RevertToSelf() == nil {
			runtime.UnlockOSThread()
		}
	}()
	<-done
	return token, err
}

// accountOf reads a token.
func accountOf(t windows.Token) (*account, error) {
	u, err := t.GetTokenUser()
	if err != nil {
		return nil, err
	}
	g, err := t.GetTokenGroups()
	if err != nil {
		return nil, err
	}
	a := &account{user: u.User.Sid.String()}
	if a.user == "" {
		return nil, errors.New("the token is nobody's")
	}
	for _, group := range g.AllGroups() {
		const not = windows.SE_GROUP_USE_FOR_DENY_ONLY | windows.SE_GROUP_INTEGRITY
		session := group.Attributes&windows.SE_GROUP_LOGON_ID == windows.SE_GROUP_LOGON_ID
		if group.Attributes&windows.SE_GROUP_ENABLED != 0 && group.Attributes&not == 0 && !session {
			a.groups = append(a.groups, group.Sid.String())
		}
	}
	return a, nil
}

// ownAccount is who this program runs as.
var ownAccount = sync.OnceValues(func() (*account, error) {
	t, err := windows.OpenCurrentProcessToken()
	if err != nil {
		return nil, err
	}
	defer t.Close()
	return accountOf(t)
})

// book has the names of accounts.
var book = newNameBook(accountName, 5*time.Second)

// accountName asks what an account is called: DOMAIN\name, in the language of whoever keeps
// it.
func accountName(id string) (string, error) {
	sid, err := windows.StringToSid(id)
	if err != nil {
		return "", err
	}
	name, domain, kind, err := sid.LookupAccount("")
	switch {
	case err != nil:
		return "", err
	case kind == windows.SidTypeDeletedAccount, kind == windows.SidTypeInvalid, kind == windows.SidTypeUnknown, name == "":
		return "", nil
	case domain == "":
		return name, nil
	}
	return domain + `\` + name, nil
}

// machineName is what the machine calls the domain of its own accounts.
func machineName() string {
	name, err := windows.ComputerName()
	if err != nil {
		name, _ = os.Hostname()
	}
	return name
}
