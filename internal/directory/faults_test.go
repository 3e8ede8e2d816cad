package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-ldap/ldap/v3"

	"muster"
)

// many are n computers pc0000, pc0001 ... in OU=lab,OU=paris.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "dn: cn=pc%04d,ou=lab,ou=paris,dc=example,dc=org\nobjectClass: device\ncn: pc%04[1]d\n\n", i)
	}
	return b.String()
}

func TestRefusedByTLS(t *testing.T) {
	w := newWorld(t, computers)
	c := w.config("openldap")
	c.CA = ""
	refused(t, c, muster.Unavailable, "certificate signed by unknown authority")
	c = w.config("openldap")
	c.URLs = []string{strings.Replace(w.tls, "localhost", "127.0.0.1", 1)} // not in the certificate
	refused(t, c, muster.Unavailable, "127.0.0.1")
	c.URLs, c.StartTLS = []string{w.plain}, true
	refused(t, c, muster.Unavailable, "cannot begin TLS")
	c = w.config("openldap")
	c.CA = w.path("secret")
	refused(t, c, muster.Invalid, "no certificate")
	c.CA = w.path("none.pem")
	refused(t, c, muster.Invalid, "none.pem")
}

func TestPassword(t *testing.T) {
	w := newWorld(t, computers)
	w.write("secret", "wrong")
	refused(t, w.config("openldap"), muster.Denied, `does not let "cn=reader,dc=example,dc=org" in`)
	w.write("secret", "\n") // slapd would take that for anonymous, and say yes
	refused(t, w.config("openldap"), muster.Unavailable, "Empty password")
	c := w.config("openldap")
	c.BindDN, c.PasswordFile = "", ""
	refused(t, c, muster.Denied, "Insufficient Access Rights")
}

// TestServers: the next one is asked.
func TestServers(t *testing.T) {
	w := newWorld(t, computers)
	c := w.config("openldap")
	c.URLs = []string{"ldaps://127.0.0.1:" + port(t), w.plain}
	stands(t, w.open(c), "pc1", "paris paris.lab", "")
}

// TestSizeLimits: pages pass the limit of one answer; a limit of all of them
// stops the reading, and nothing of it counts.
func TestSizeLimits(t *testing.T) {
	w := newWorld(t, many(1200))
	if st := w.open(w.config("openldap")).Status(); st.Computers != 1201 {
		t.Errorf("%d computers", st.Computers)
	}
	c := w.config("openldap")
	c.MaxEntries = 1200
	refused(t, c, muster.Invalid, "more entries than allowed")
	w.reconfigure("size.prtotal=unlimited", "size.prtotal=700")
	refused(t, w.config("openldap"), muster.Unavailable, "Size Limit Exceeded")
}

// TestReferrals: who is named there is not asked.
func TestReferrals(t *testing.T) {
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var sprung atomic.Int32
	go func() {
		for {
			conn, err := trap.Accept()
			if err != nil {
				return
			}
			sprung.Add(1)
			conn.Close()
		}
	}()
	w := newWorld(t, computers+fmt.Sprintf("dn: ou=far,dc=example,dc=org\nobjectClass: referral\nobjectClass: extensibleObject\nou: far\nref: ldap://%s/ou=far,dc=example,dc=org\n\n", trap.Addr()))
	stands(t, w.open(w.config("openldap")), "pc1", "paris paris.lab", "")
	c := w.config("openldap")
	c.Bases = []string{"ou=far,dc=example,dc=org"}
	refused(t, c, muster.Invalid, "Referral")
	trap.Close()
	if n := sprung.Load(); n > 0 {
		t.Errorf("a referral was followed %d times", n)
	}
}

// TestDown: what was known stays while the directory is away, and after it came back
// it is read.
func TestDown(t *testing.T) {
	w := newWorld(t, computers)
	w.ldap("ldapadd", nested)
	d := w.open(w.config("openldap"))
	before := d.Status()
	w.kill()
	if err := d.Refresh(t.Context()); muster.KindOf(err) != muster.Unavailable {
		t.Fatalf("without a server: %v", err)
	}
	stands(t, d, "pc1", "paris paris.lab", "a all+-hosts b c")
	if st := d.Status(); !st.Ready || st.Read != before.Read || st.Failed == nil {
		t.Errorf("status %+v, before %+v", st, before)
	}
	w.start()
	w.ldap("ldapdelete", "", inGroups("All_Hosts"))
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	stands(t, d, "pc1", "paris paris.lab", "a b c")
	if st := d.Status(); !st.Read.After(before.Read) || st.Failed != nil {
		t.Errorf("status %+v", st)
	}
}

// TestKilledInSearch kills slapd between the pages of an answer.
func TestKilledInSearch(t *testing.T) {
	w := newWorld(t, many(1100))
	c := w.config("openldap")
	d := w.open(c)
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	whole, killed := d.read, false
	d.read = func(ctx context.Context) (*snapshot, error) {
		conn, err := c.connect(ctx, w.tls)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		s := search{conn: conn, left: c.MaxEntries}
		return nil, s.each(ctx, c.Bases[0], c.Computers, c.Names, func(*ldap.Entry) error {
			if !killed {
				killed = true
				w.kill()
			}
			return nil
		})
	}
	if err := d.Refresh(t.Context()); err == nil || !killed {
		t.Fatalf("killed: %v, and then: %v", killed, err)
	}
	stands(t, d, "pc1099", "paris paris.lab", "")
	d.read = whole
	w.start()
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestCutConnection has a proxy hang up after so many bytes of what slapd said.
func TestCutConnection(t *testing.T) {
	w := newWorld(t, computers+many(510))
	w.ldap("ldapadd", nested)
	c := w.config("openldap")
	after, seen := int64(1<<40), int64(0)
	c.URLs = []string{"ldap://" + proxy(t, strings.TrimPrefix(w.plain, "ldap://"), &after, &seen)}
	d := w.open(c)
	all := atomic.LoadInt64(&seen)
	for i := range int64(20) {
		atomic.StoreInt64(&after, all*i/20)
		if err := d.Refresh(t.Context()); err == nil {
			t.Errorf("%d of %d bytes count as the whole", all*i/20, all)
		}
		stands(t, d, "pc1", "paris paris.lab", "a all+-hosts b c")
	}
	atomic.StoreInt64(&after, all)
	if err := d.Refresh(t.Context()); err != nil {
		t.Errorf("all %d bytes: %v", all, err)
	}
}

// proxy passes on to a server, and hangs up when *after bytes came back. It counts
// those of the first connection in *seen.
func proxy(t *testing.T, to string, after, seen *int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			go func() {
				io.Copy(server, client) //nolint:errcheck // until one hangs up
				server.Close()
			}()
			n := atomic.LoadInt64(after)
			io.Copy(&counter{client, seen}, io.LimitReader(server, n)) //nolint:errcheck // the same
			client.Close()
			server.Close()
		}
	}()
	return l.Addr().String()
}

type counter struct {
	io.Writer
	seen *int64
}

func (c *counter) Write(p []byte) (int, error) {
	atomic.AddInt64(c.seen, int64(len(p)))
	return c.Writer.Write(p)
}

// TestShrinks: a directory that shows much less, as one whose reader lost rights,
// is not believed at once; one that shows nothing never.
func TestShrinks(t *testing.T) {
	w := newWorld(t, many(20))
	d := w.open(w.config("openldap"))
	var gone strings.Builder
	for i := range 15 {
		fmt.Fprintf(&gone, "cn=pc%04d,ou=lab,ou=paris,dc=example,dc=org\n", i)
	}
	w.ldap("ldapdelete", gone.String())
	if err := d.Refresh(t.Context()); muster.KindOf(err) != muster.Conflict {
		t.Fatalf("a quarter of the computers: %v", err)
	}
	stands(t, d, "pc0001", "paris paris.lab", "")
	if err := d.Refresh(t.Context()); muster.KindOf(err) != muster.Conflict {
		t.Fatalf("at once again: %v", err)
	}
	d.every = 0 // as if that had passed
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	stands(t, d, "pc0001", "", "")
	stands(t, d, "pc0019", "paris paris.lab", "")
	w.reconfigure("access to * by dn", "access to filter=(objectClass=device) by * none\naccess to * by dn")
	for range 3 {
		if err := d.Refresh(t.Context()); muster.KindOf(err) != muster.NotFound {
			t.Fatalf("without rights: %v", err)
		}
	}
	stands(t, d, "pc0019", "paris paris.lab", "")
}

// TestRun: a reading that failed is tried again soon, at longer and longer
// intervals; problems are told once.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var at []time.Duration
		down := errors.New("down")
		d := &Directory{every: time.Minute, read: func(context.Context) (*snapshot, error) {
			if at = append(at, time.Since(begin)/time.Second); len(at) < 5 {
				return nil, down
			}
			s := &snapshot{computers: 1}
			s.problems.add("two of them")
			return s, nil
		}}
		ctx, stop := context.WithCancel(t.Context())
		var told []error
		ended := make(chan bool)
		go func() {
			d.Run(ctx, func(err error) { told = append(told, err) })
			close(ended)
		}()
		time.Sleep(5*time.Minute + time.Second) // of the bubble: no time passes outside
		stop()
		<-ended
		if want := "[0 10 30 70 130 190 250]"; fmt.Sprintf("%d", at) != want {
			t.Errorf("read at %d, not %s", at, want)
		}
		if len(told) != 5 || !errors.Is(told[3], down) || !strings.Contains(told[4].Error(), "two of them") {
			t.Errorf("told %v", told)
		}
	})
}
