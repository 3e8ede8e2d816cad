package action

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"muster/internal/canon"
	"muster/sign"
)

// FuzzAction: what is accepted has one form, and says what its kind takes.
func FuzzAction(f *testing.F) {
	many := must(must(NewTree(hostIDs(70)))(f).Targets())(f)
	for _, a := range []*Action{install(), run(), cancel(), install(func(a *Action) { a.Targets, a.Queued, a.Reason = many, true, "why" }),
		install(func(a *Action) { a.Kind, a.Packages, a.Arguments = Undo, nil, map[string]string{"change": "12"} })} {
		f.Add(must(a.Encode())(f))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Parse(data)
		if err != nil {
			return
		}
		again, err := a.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%q is read, and printed as %q, %v", data, again, err)
		}
		if n := a.Targets.Len(); n < 1 || n > MaxHosts || a.NotAfter-a.NotBefore > MaxQueue || a.String() == "" {
			t.Fatalf("%+v", a)
		}
	})
}

// FuzzResult: what is accepted has one form.
func FuzzResult(f *testing.F) {
	r := result()
	r.Type = ResultType
	f.Add(must(canon.Marshal(r))(f))
	f.Add(must(canon.Marshal(Result{Type: ResultType, SHA256: r.SHA256, Host: "h", State: Refused, Text: "no"}))(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseResult(data)
		if err != nil {
			return
		}
		again, err := canon.Marshal(r)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%q is read, and printed as %q, %v", data, again, err)
		}
	})
}

// FuzzTail: whatever a program prints fits into a result, and is its end.
func FuzzTail(f *testing.F) {
	f.Add([]byte("a line\nanother\n"), 1000)
	f.Add([]byte("\xff\xfe"), 5000)
	f.Fuzz(func(t *testing.T, piece []byte, times int) {
		if len(piece) > 1000 {
			piece = piece[:1000]
		}
		text := string(bytes.Repeat(piece, max(0, min(times, 20_000/(len(piece)+1)))))
		r := result()
		r.Text, r.Type = text, ResultType
		r.trim()
		if err := r.check(); err != nil {
			t.Fatal(err)
		}
		data := must(canon.Marshal(r))(t)
		if _, err := ParseResult(data); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzProof: a proof is good for the host that it was made for, and for no host
// that is not there.
func FuzzProof(f *testing.F) {
	tree := must(NewTree(hostIDs(100)))(f)
	targets := must(tree.Targets())(f)
	for _, i := range []int{0, 1, 63, 64, 99} {
		f.Add(tree.Hosts[i], must(json.Marshal(must(tree.Prove(i))(f)))(f))
	}
	f.Fuzz(func(t *testing.T, host string, proof []byte) {
		var p Proof
		if json.Unmarshal(proof, &p) != nil || targets.Include(host, p) != nil {
			return
		}
		i, there := slices.BinarySearch(tree.Hosts, host)
		if !there || p.Index != int64(i) {
			t.Fatalf("%q is let in by %q", host, proof)
		}
	})
}

// FuzzVerify: whatever is changed in a message, what is let begin is what was
// signed. The message is in testdata: keys made by each process would differ.
func FuzzVerify(f *testing.F) {
	der := must(os.ReadFile(filepath.Join("testdata", "action.p7m")))(f)
	certs := must(sign.ParseCerts(must(os.ReadFile(filepath.Join("testdata", "authority.pem")))(f)))(f)
	h := Host{ID: hostID(1), Server: server, Trust: &sign.Trust{Anchors: certs}, Now: now}
	want := must(Verify(der, Proof{}, h))(f)
	f.Add(der)
	f.Add(signed(f, install(), known(f).mallory))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Verify(data, Proof{}, h)
		if err != nil {
			return
		}
		is, should := must(m.Action.Encode())(t), must(want.Action.Encode())(t)
		if !bytes.Equal(is, should) || !m.Signers[0].Signer.Equal(want.Signers[0].Signer) {
			t.Fatalf("%q is let begin", is)
		}
	})
}

// TestVectors holds the files of testdata, which a second implementation can be
// tried with, and makes them anew with MUSTER_TEST_UPDATE=1.
func TestVectors(t *testing.T) {
	name := func(s string) string { return filepath.Join("testdata", s) }
	if os.Getenv("MUSTER_TEST_UPDATE") != "" {
		p := known(t)
		write := func(file string, data []byte) {
			t.Helper()
			if err := os.WriteFile(name(file), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		write("action.p7m", signed(t, install(), p.alice))
		write("result.p7m", must(result().Sign(now, p.host))(t))
		write("authority.pem", sign.EncodeCerts(p.authority.Leaf()))
		write("hosts.pem", sign.EncodeCerts(p.hosts.Leaf()))
	}
	believed := must(sign.ParseCerts(must(os.ReadFile(name("authority.pem")))(t)))(t)
	h := Host{ID: hostID(1), Server: server, Trust: &sign.Trust{Anchors: believed}, Now: now}
	if m, err := Verify(must(os.ReadFile(name("action.p7m")))(t), Proof{}, h); err != nil || m.Action.String() != "install age>=1.3" {
		t.Errorf("action: %v", err)
	}
	authorities := must(sign.ParseCerts(must(os.ReadFile(name("hosts.pem")))(t)))(t)
	if r, err := OpenResult(must(os.ReadFile(name("result.p7m")))(t), authorities, now.Add(time.Hour)); err != nil || r.State != Done {
		t.Errorf("result: %v", err)
	}
}
