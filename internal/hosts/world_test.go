package hosts

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	mathrand "math/rand/v2"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/internal/httpsig"
	"muster/inventory"
	"muster/sign"
)

const serverID = "5f0c6a0e-0000-4000-8000-000000000001"

// A world is a server's hosts with a clock of its own.
type world struct {
	*Hosts
	*Part // all of them
	t     testing.TB

	mu  sync.Mutex
	now time.Time
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// authority is the one of all worlds: a server that lost its database has it still.
var authority = sync.OnceValues(func() (*sign.Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert, err := sign.NewAuthority("hosts of the test", key, start.Add(-24*time.Hour), start.Add(10*365*24*time.Hour))
	if err != nil {
		return nil, err
	}
	return &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}}, nil
})

func newWorld(t testing.TB, d *db.DB, change ...func(*Config)) *world {
	t.Helper()
	ca, err := authority()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: start}
	c := Config{DB: d, Server: serverID, Authority: ca, Now: w.time, EnrolRate: 1e6, WholeRate: 1e6}
	for _, f := range change {
		f(&c)
	}
	if w.Hosts, err = Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.Part = w.Everything()
	return w
}

// A machine is a host from its own side.
type machine struct {
	id      string
	key     crypto.Signer
	counter uint64
	from    netip.Addr
	cert    string
}

func newMachine(t testing.TB, id string) *machine {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &machine{id: id, key: key, from: netip.MustParseAddr("192.0.2.1")}
}

// hostID is the id of the nth host.
func hostID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

// netAddr is the address of the nth host.
func netAddr(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

func (m *machine) public(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(m.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// message is a request of the machine, signed and verified.
func (m *machine) message(t testing.TB, now time.Time, keyID string, counter uint64) *httpsig.Message {
	t.Helper()
	msg := m.claims(t, now, keyID, counter)
	if err := msg.Verify(m.key.Public(), now, 5*time.Minute); err != nil {
		t.Fatal(err)
	}
	return msg
}

// claims is a request of the machine that says to be of keyID, not verified.
func (m *machine) claims(t testing.TB, now time.Time, keyID string, counter uint64) *httpsig.Message {
	t.Helper()
	req := httptest.NewRequest("POST", "/api/v1/checkin", bytes.NewReader(nil))
	err := httpsig.Sign(req, nil, m.key, httpsig.Params{KeyID: keyID, Server: serverID, Counter: counter, Created: now})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := httpsig.Parse(req, serverID)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func (m *machine) fingerprint(t testing.TB) string {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(m.public(t))
	if err != nil {
		t.Fatal(err)
	}
	return fingerprint(der)
}

// renew asks for a certificate for the key of next, with the proof of prover.
func (m *machine) renew(w *world, next, prover *machine) error {
	w.t.Helper()
	c, err := m.call(w)
	if err != nil {
		return err
	}
	in := api.Renew{Key: next.public(w.t)}
	proof, err := crypto.SignMessage(prover.key, rand.Reader, api.RenewProof(serverID, m.id, in.Key), crypto.SHA256)
	if err != nil {
		return err
	}
	in.Proof = base64.StdEncoding.EncodeToString(proof)
	out, err := w.Renew(context.Background(), c, in)
	if err == nil {
		next.cert, next.counter = out.Certificate, m.counter
	}
	return err
}

func (m *machine) enrol(w *world, token string) (api.Enrolled, error) {
	w.t.Helper()
	e := api.Enrol{ID: m.id, Key: m.public(w.t), Token: token, Facts: api.Facts{
		Hostname: "pc-" + m.id[30:], FQDN: "pc-" + m.id[30:] + ".example.org", OS: "linux", OSName: "Debian GNU/Linux 12", Arch: "amd64", Serial: "S" + m.id[30:]}}
	der, _ := base64.StdEncoding.DecodeString(e.Key)
	out, err := w.Enrol(context.Background(), m.message(w.t, w.time(), fingerprint(der), 0), m.from, e)
	if err == nil {
		m.cert = out.Certificate
		m.counter = max(m.counter, out.Counter)
	}
	return out, err
}

// call is the next request of the machine, let in.
func (m *machine) call(w *world) (*Caller, error) {
	w.t.Helper()
	m.counter++
	return w.Accept(context.Background(), m.message(w.t, w.time(), m.id, m.counter), m.from)
}

func (m *machine) checkIn(w *world, in api.CheckIn) (api.CheckedIn, error) {
	w.t.Helper()
	c, err := m.call(w)
	if err != nil {
		return api.CheckedIn{}, err
	}
	if in.Clock == 0 {
		in.Clock = w.time().Unix()
	}
	return w.Hosts.CheckIn(context.Background(), c, in)
}

// put sends the whole document, and wants it to be kept.
func (m *machine) put(w *world, d *inventory.Document) {
	w.t.Helper()
	data, err := d.Marshal()
	if err != nil {
		w.t.Fatal(err)
	}
	if out := m.send(w, api.TypeDocument, data); out.Set != setOf(w.t, d) || out.Send != api.SendNothing {
		w.t.Fatalf("the server answers %+v", out)
	}
}

func (m *machine) send(w *world, kind string, data []byte) api.InventoryTaken {
	w.t.Helper()
	c, err := m.call(w)
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := w.PutInventory(context.Background(), c, kind, data)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func setOf(t testing.TB, d *inventory.Document) string {
	t.Helper()
	hashes, err := d.Hashes()
	if err != nil {
		t.Fatal(err)
	}
	return hashes.Set()
}

// joined is a machine that enrolled with a token of its own.
func joined(w *world, n int) *machine {
	w.t.Helper()
	token, err := w.CreateToken(context.Background(), "alice", api.TokenRequest{Uses: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	m := newMachine(w.t, hostID(n))
	m.from = netAddr(n)
	if out, err := m.enrol(w, token.Secret); err != nil || out.State != api.Accepted {
		w.t.Fatalf("enrolled: %+v, %v", out, err)
	}
	return m
}

// desktop is a document with n packages of Debian, of which some differ by seed.
func desktop(seed uint64, n int) *inventory.Document {
	r := mathrand.New(mathrand.NewPCG(seed, 1))
	d := inventory.New()
	d.System = &inventory.System{Arch: "amd64", Hostname: fmt.Sprintf("pc-%06x", seed), Domain: "example.org", ID: "debian", OS: "linux",
		Name: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0-28-amd64", Version: "12", MachineID: fmt.Sprintf("%032x", r.Uint64()), Timezone: "Europe/Paris"}
	d.Hardware = &inventory.Hardware{CPUs: []inventory.CPU{{Cores: 4, Model: "Some CPU @ 3 GHz", Threads: 8, Sockets: 1, Vendor: "Some"}}, Memory: 16 << 30,
		BIOS: &inventory.BIOS{Date: "04/01/2014", Vendor: "Vendor", Version: "1.2.3"}, Serial: fmt.Sprintf("%07X", r.Uint32()), UUID: fmt.Sprintf("%032x", r.Uint64()), Vendor: "Dell Inc.", Product: "OptiPlex 7090"}
	d.Disks = &inventory.Disks{Devices: []inventory.Device{{Name: "nvme0n1", Size: 512 << 30, Serial: fmt.Sprint(r.Uint64()), Model: "Some SSD 512GB"}},
		Mounts: []inventory.Mount{{Source: "/dev/nvme0n1p2", Target: "/", Type: "ext4", Size: 500 << 30}}}
	d.Network = &inventory.Network{Interfaces: []inventory.Interface{{Addresses: []string{fmt.Sprintf("10.%d.%d.%d/16", seed>>16&255, seed>>8&255, seed&255)},
		MAC: fmt.Sprintf("02:00:00:%02x:%02x:%02x", seed>>16&255, seed>>8&255, seed&255), Name: "eth0", MTU: 1500}}, DNS: []string{"10.0.0.1"}, Gateways: []string{"10.0.0.1"}}
	d.Users = &inventory.Users{Accounts: []inventory.Account{{Name: "alice", Shell: "/bin/bash", UID: "1000", Home: "/home/alice"}}}
	d.Muster = []inventory.Installed{{Arch: "amd64", Kind: "base", Manifest: fmt.Sprintf("%064x", 7), Name: "age", Status: "OK", Version: "1.2.1", Installed: 1790000000}}
	d.Audits = []inventory.Audit{{Output: "all\nwell", Package: "age", Status: "OK"}}
	var rows []inventory.Package
	installed := int64(1700000000)
	for i := range n {
		if r.IntN(20) == 0 {
			installed += int64(r.IntN(1_000_000))
		}
		version := fmt.Sprintf("1:%d.2-3+deb12u1", i%40)
		if r.IntN(50) == 0 {
			version = fmt.Sprintf("1:%d.2-3+deb12u%d", i%40, 2+r.IntN(3))
		}
		rows = append(rows, inventory.Package{Architecture: "amd64", Installed: installed, Name: fmt.Sprintf("lib-package-%d", i),
			Size: int64(i) << 10, Vendor: "A Team <team@lists.example.org>", Version: version})
	}
	if len(rows) > 0 {
		d.Packages = map[string][]inventory.Package{"dpkg": inventory.SortPackages(rows)}
	}
	return d
}
