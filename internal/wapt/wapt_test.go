package wapt_test

import (
	"archive/zip"
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"muster"
	"muster/internal/testneed"
	"muster/internal/wapt"
	"muster/internal/wapt/wapttest"
)

func open(t *testing.T, data []byte) (*wapt.Package, error) {
	t.Helper()
	return wapt.Open(bytes.NewReader(data), int64(len(data)))
}

func mustOpen(t *testing.T, data []byte) *wapt.Package {
	t.Helper()
	p, err := open(t, data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestVerify(t *testing.T) {
	ca := wapttest.NewSigner(t, "Store CA", false, nil)
	signer := wapttest.NewSigner(t, "Alice", true, ca)
	p := wapttest.Base()
	p.Sign(t, signer)
	pkg := mustOpen(t, p.Zip(t))
	for name, trust := range map[string][]*x509.Certificate{"authority": {ca.Cert}, "the signer itself": {signer.Cert}} {
		s, err := pkg.Verify(trust, wapttest.Now)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.Name != "Alice" || len(s.Fingerprint) != 64 || s.Date == "" {
			t.Errorf("%s: signer %+v", name, s)
		}
	}
	if data, err := pkg.Read("data/settings.ini", 100); err != nil || string(data) != "[tool]\nlevel=3\n" {
		t.Errorf("content %q, %v", data, err)
	}
}

// TestVerifyData: a package without code needs no right to sign code.
func TestVerifyData(t *testing.T) {
	signer := wapttest.NewSigner(t, "Deployer", false, nil)
	p := wapttest.Base()
	p.Set("section", "group")
	p.Files = map[string]string{}
	p.Sign(t, signer)
	if _, err := mustOpen(t, p.Zip(t)).Verify([]*x509.Certificate{signer.Cert}, wapttest.Now); err != nil {
		t.Fatal(err)
	}
}

// TestRefuse: one change of a package that was good, or of who looks at it.
func TestRefuse(t *testing.T) {
	alice, mallory := wapttest.NewSigner(t, "Alice", true, nil), wapttest.NewSigner(t, "Mallory", true, nil)
	data := wapttest.NewSigner(t, "Data", false, nil)
	good := wapttest.Base()
	good.Sign(t, alice)
	cases := []struct {
		name, want string
		change     func(p *wapttest.Package)
	}{
		{"tampered file", `"tool.msi" is not what was signed`, func(p *wapttest.Package) { p.Files["tool.msi"] = "evil" }},
		{"extra file", `"evil.dll" is not in its manifest`, func(p *wapttest.Package) { p.Files["evil.dll"] = "" }},
		{"extra control", `"WAPT/Control" is not in its manifest`, func(p *wapttest.Package) { p.Files["WAPT/Control"] = "" }},
		{"missing file", `"tool.msi" is missing`, func(p *wapttest.Package) { delete(p.Files, "tool.msi") }},
		{"another signer", `"Mallory" is not trusted`, func(p *wapttest.Package) { p.Sign(t, mallory) }},
		{"exchanged certificate", `signature is not that of "Alice"`, func(p *wapttest.Package) {
			p.Sign(t, mallory)
			p.Files["WAPT/certificate.crt"] = alice.PEM()
		}},
		{"no right to sign code", `"Data" may not sign code`, func(p *wapttest.Package) { p.Sign(t, data) }},
		{"control signed by another", `names another signer`, func(p *wapttest.Package) {
			p.SignControl(t, mallory)
			p.SignFiles(t, alice)
		}},
		{"control changed", `WAPT/control: the signature is not that of "Alice"`, func(p *wapttest.Package) {
			p.Set("depends", "evil")
			p.Files["WAPT/control"] = p.ControlText()
			p.SignFiles(t, alice)
		}},
		{"attributes not signed", `does not cover "conflicts"`, func(p *wapttest.Package) {
			p.Set("signed_attributes", "package,version,architecture,section,depends,maturity")
			p.Files["WAPT/control"] = p.ControlText()
			p.SignFiles(t, alice)
		}},
		{"no signature", "not signed with SHA-256", func(p *wapttest.Package) { delete(p.Files, "WAPT/signature.sha256") }},
		{"only sha1", "not signed with SHA-256", func(p *wapttest.Package) {
			delete(p.Files, "WAPT/signature.sha256")
			p.Files["WAPT/signature"] = "old"
		}},
		{"no certificate", "not signed with SHA-256", func(p *wapttest.Package) { delete(p.Files, "WAPT/certificate.crt") }},
		{"signature of no base64", "not in base64", func(p *wapttest.Package) { p.Files["WAPT/signature.sha256"] = "***" }},
		{"a name twice in the manifest", "signature is not", func(p *wapttest.Package) {
			p.Files["WAPT/manifest.sha256"] = strings.Replace(p.Files["WAPT/manifest.sha256"], "[[", `[["tool.msi","00"],[`, 1)
		}},
	}
	trust := []*x509.Certificate{alice.Cert, data.Cert}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := &wapttest.Package{Control: append([][2]string(nil), good.Control...), Files: maps.Clone(good.Files)}
			c.change(p)
			_, err := mustOpen(t, p.Zip(t)).Verify(trust, wapttest.Now)
			if muster.KindOf(err) != muster.Denied || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if _, err := mustOpen(t, good.Zip(t)).Verify(trust, wapttest.Now.AddDate(2, 0, 0)); muster.KindOf(err) != muster.Denied {
		t.Errorf("a certificate that has ended: %v", err)
	}
	if err := mustOpen(t, good.Zip(t)).CheckFiles(); err != nil {
		t.Error(err)
	}
}

// rawZip writes entries that a well-meant writer would not.
func rawZip(t *testing.T, change func(z *zip.Writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("WAPT/control")
	if err == nil {
		_, err = io.WriteString(w, wapttest.Base().ControlText())
	}
	if err != nil {
		t.Fatal(err)
	}
	change(z)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func create(t *testing.T, z *zip.Writer, h *zip.FileHeader, content string) {
	t.Helper()
	w, err := z.CreateHeader(h)
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestZipRefused(t *testing.T) {
	named := func(name string) func(*testing.T) []byte {
		return func(t *testing.T) []byte {
			return rawZip(t, func(z *zip.Writer) { create(t, z, &zip.FileHeader{Name: name}, "x") })
		}
	}
	link := &zip.FileHeader{Name: "link"}
	link.SetMode(fs.ModeSymlink | 0o777)
	cases := map[string]func(*testing.T) []byte{
		"parent":    named("../evil"),
		"hidden":    named("data/../../evil"),
		"absolute":  named("/etc/passwd"),
		"backslash": named(`..\evil`),
		"drive":     named("C:evil"),
		"zero":      named("a\x00b"),
		"line feed": named("a\nb"),
		"not UTF-8": named("a\xff"),
		"dot":       named("./a"),
		"folder out": func(t *testing.T) []byte {
			return rawZip(t, func(z *zip.Writer) { create(t, z, &zip.FileHeader{Name: "../x/"}, "") })
		},
		"twice": func(t *testing.T) []byte {
			return rawZip(t, func(z *zip.Writer) {
				create(t, z, &zip.FileHeader{Name: "a"}, "1")
				create(t, z, &zip.FileHeader{Name: "a"}, "2")
			})
		},
		"file and folder": func(t *testing.T) []byte {
			return rawZip(t, func(z *zip.Writer) {
				create(t, z, &zip.FileHeader{Name: "a"}, "1")
				create(t, z, &zip.FileHeader{Name: "a/b"}, "2")
			})
		},
		"link":      func(t *testing.T) []byte { return rawZip(t, func(z *zip.Writer) { create(t, z, link, "/etc") }) },
		"encrypted": func(t *testing.T) []byte { return flag(t, named("secret")(t)) },
		"method": func(t *testing.T) []byte {
			return rawZip(t, func(z *zip.Writer) {
				h := &zip.FileHeader{Name: "a", Method: 12, CompressedSize64: 1, UncompressedSize64: 1}
				w, err := z.CreateRaw(h)
				if err == nil {
					_, err = w.Write([]byte("x"))
				}
				if err != nil {
					t.Fatal(err)
				}
			})
		},
		"bomb": func(t *testing.T) []byte {
			return rawZip(t, func(z *zip.Writer) {
				create(t, z, &zip.FileHeader{Name: "zeros", Method: zip.Deflate}, strings.Repeat("\x00", 200<<20))
			})
		},
		"overlap": overlapping,
		"many": func(t *testing.T) []byte {
			return rawZip(t, func(z *zip.Writer) {
				for i := range wapt.MaxFiles + 1 {
					create(t, z, &zip.FileHeader{Name: fmt.Sprint(i)}, "")
				}
			})
		},
		"no control": func(t *testing.T) []byte { return wapttest.Zip(t, map[string]string{"setup.py": ""}) },
		"no zip":     func(*testing.T) []byte { return []byte("PK no zip") },
		"empty":      func(*testing.T) []byte { return nil },
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := open(t, data(t)); muster.KindOf(err) != muster.Invalid {
				t.Errorf("error %v, want one of kind invalid", err)
			} else {
				t.Log(err)
			}
		})
	}
}

// flag marks the last entry of the directory as encrypted.
func flag(t *testing.T, data []byte) []byte {
	t.Helper()
	i := bytes.LastIndex(data, []byte("PK\x01\x02"))
	data[i+8] |= 1
	return data
}

// overlapping is a zip whose directory names one packed content many times.
func overlapping(t *testing.T) []byte {
	t.Helper()
	data := rawZip(t, func(z *zip.Writer) { create(t, z, &zip.FileHeader{Name: "a000"}, strings.Repeat("x", 10_000)) })
	at, end := bytes.LastIndex(data, []byte("PK\x01\x02")), bytes.LastIndex(data, []byte("PK\x05\x06"))
	entry := data[at:end]
	out := append([]byte(nil), data[:end]...)
	for i := 1; i < 100; i++ {
		e := bytes.Replace(entry, []byte("a000"), fmt.Appendf(nil, "a%03d", i), 1)
		out = append(out, e...)
	}
	tail := append([]byte(nil), data[end:]...)
	n := binary.LittleEndian.Uint16(tail[8:]) + 99
	binary.LittleEndian.PutUint16(tail[8:], n)
	binary.LittleEndian.PutUint16(tail[10:], n)
	size := binary.LittleEndian.Uint32(tail[12:]) + uint32(99*len(entry))
	binary.LittleEndian.PutUint32(tail[12:], size)
	return append(out, tail...)
}

// TestLyingSize: a directory that tells of fewer or more bytes than there are.
func TestLyingSize(t *testing.T) {
	for _, said := range []uint32{5, 5000} {
		data := wapttest.Base().Zip(t)
		i := bytes.Index(data, []byte("PK\x01\x02"))
		for !bytes.Equal(data[i+46:i+54], []byte("tool.msi")) {
			i += 4 + bytes.Index(data[i+4:], []byte("PK\x01\x02"))
		}
		binary.LittleEndian.PutUint32(data[i+24:], said)
		p := mustOpen(t, data)
		if _, err := p.Read("tool.msi", 1<<20); muster.KindOf(err) != muster.Invalid {
			t.Errorf("%d bytes said: %v", said, err)
		}
	}
}

// TestDirectorySize: the directory is bounded before it is parsed.
func TestDirectorySize(t *testing.T) {
	data := rawZip(t, func(z *zip.Writer) {
		for i := range 600 {
			create(t, z, &zip.FileHeader{Name: fmt.Sprint(i), Extra: append([]byte{0x99, 0x99, 0xf8, 0xff}, make([]byte, 0xfff8)...)}, "")
		}
	})
	if _, err := open(t, data); err == nil || !strings.Contains(err.Error(), "directory of the zip is larger") {
		t.Errorf("error %v", err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	p := wapttest.Base()
	p.Files[".git/config"] = "not part of it"
	p.Files["WAPT/control"] = p.ControlText()
	for name, content := range p.Files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pkg, err := wapt.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(pkg.Files) != len(p.Files)-1 || pkg.Find(".git/config") != nil {
		t.Errorf("files %v", pkg.Files)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	if _, err := wapt.OpenFolder(dir); err == nil {
		t.Error("a link is taken for a file")
	}
}

// TestOpenSSL lets openssl sign.
func TestOpenSSL(t *testing.T) {
	openssl := testneed.Program(t, "openssl")
	signer := wapttest.NewSigner(t, "Alice", true, nil)
	p := wapttest.Base()
	p.Sign(t, signer)
	key, err := x509.MarshalPKCS8PrivateKey(signer.Key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(openssl, "dgst", "-sha256", "-sign", file)
	cmd.Stdin = strings.NewReader(p.Files["WAPT/manifest.sha256"])
	sig, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	p.Files["WAPT/signature.sha256"] = base64.StdEncoding.EncodeToString(sig)
	if _, err := mustOpen(t, p.Zip(t)).Verify([]*x509.Certificate{signer.Cert}, wapttest.Now); err != nil {
		t.Error(err)
	}
}
