//go:build unix

package pkgfile

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/internal/testneed"
	"muster/sign"
)

var benchTime = time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)

// benchPackage is a signed package of 32 MB in files of 20 bytes to 8 MB, which
// compress to some three quarters, and the trust that believes its signer.
func benchPackage(b *testing.B) (data []byte, trust *sign.Trust) {
	b.Helper()
	spec := Spec{Control: testControl(), Date: benchTime}
	for i, left := 0, 32<<20; left > 0; i++ {
		n := min(20<<(i%20), 8<<20, left)
		text := strings.Repeat("words of a text that compresses well. ", n/4/38+1)[:n/4]
		spec.Entries = append(spec.Entries, fileEntry(fmt.Sprintf("root/f%d", i), noise(uint64(i), n-n/4)+text))
		left -= n
	}
	key, err := sign.NewKey("ecdsa-p256")
	if err != nil {
		b.Fatal(err)
	}
	cert, err := sign.SelfSigned("Alice Martin", key, benchTime.Add(-time.Hour), benchTime.AddDate(1, 0, 0), sign.RightCode)
	if err != nil {
		b.Fatal(err)
	}
	d := build(b, spec)
	signature, err := sign.Sign(d.Encoded, true, benchTime, &sign.Identity{Key: key, Chain: []*x509.Certificate{cert}})
	if err != nil {
		b.Fatal(err)
	}
	trust = new(sign.Trust)
	trust.Add(cert)
	return write(b, d, signature), trust
}

// openVerified is all that comes before the first byte of payload is read.
func openVerified(b *testing.B, data []byte, trust *sign.Trust) *Package {
	b.Helper()
	p, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := p.Verify(trust, sign.Policy{Now: benchTime.Add(time.Hour)}); err != nil {
		b.Fatal(err)
	}
	return p
}

// BenchmarkVerify measures everything that stands between a downloaded package
// and its files, beside the sha256 of the same bytes: the least that anything
// with signatures pays. One worker does all of it, so the figures compare.
func BenchmarkVerify(b *testing.B) {
	data, trust := benchPackage(b)
	content := openVerified(b, data, trust).Manifest.InstalledSize()
	run := func(name string, bytes int64, f func(*testing.B)) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(bytes)
			before := processorTime(b)
			for b.Loop() {
				f(b)
			}
			reportProcessor(b, bytes, before)
		})
	}
	size := int64(len(data))
	run("sha256", size, func(b *testing.B) { sha256.Sum256(data) })
	run("open", size, func(b *testing.B) { openVerified(b, data, trust) })
	run("extract", content, func(b *testing.B) {
		p := openVerified(b, data, trust)
		job := toNowhere(p)
		job.Contents = false // as an installation does
		if err := Extract(b.Context(), 1, job); err != nil {
			b.Fatal(err)
		}
	})
	run("check", content, func(b *testing.B) {
		if err := openVerified(b, data, trust).CheckContent(); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkSha256sum is the program of that name on the file of BenchmarkVerify.
func BenchmarkSha256sum(b *testing.B) {
	program := testneed.Program(b, "sha256sum")
	data, _ := benchPackage(b)
	name := filepath.Join(b.TempDir(), "package")
	if err := os.WriteFile(name, data, 0o644); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	before := processorTime(b)
	for b.Loop() {
		cmd := exec.Command(program, name)
		cmd.Stdout = io.Discard
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
	}
	reportProcessor(b, int64(len(data)), before)
}

// processorTime is what this process and its children have used.
func processorTime(b *testing.B) (sum time.Duration) {
	b.Helper()
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}

// reportProcessor reports MB per second of processor time: on a machine that
// others use, wall time says little.
func reportProcessor(b *testing.B, bytes int64, before time.Duration) {
	used := processorTime(b) - before
	b.ReportMetric(float64(bytes)*float64(b.N)/1e6/used.Seconds(), "MB/cpu-s")
}
