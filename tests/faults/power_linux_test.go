package faults_test

import (
	"fmt"
	"strings"
	"testing"
)

// eachCut runs a test for every file system, for cuts at once and for cuts
// after another program's fsync. These variants are numbered.
func eachCut(t *testing.T, test func(t *testing.T, variant int, f fileSystem, flushed bool)) {
	for i, f := range fileSystems {
		for j, flushed := range []bool{false, true} {
			name := f.name
			if flushed {
				name += "-flushed"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, 2*i+j, f, flushed)
			})
		}
	}
}

// TestCase22PowerCut cuts the power before every call that changes a file. Where some
// are taken, each variant takes others.
// Row 23: a cut right after the command said done.
func TestCase22PowerCut(t *testing.T) {
	eachCut(t, func(t *testing.T, variant int, f fileSystem, flushed bool) {
		p := &power{T: t, fs: f, flushed: flushed, found: map[string]int{}}
		for i, s := range scenarios {
			p.sweep(s, 1+(13*i+17*variant)%stride(83), stride(83))
			if t.Failed() {
				return
			}
		}
		t.Logf("%d cuts: %v", total(p.found), p.found)
		if p.found["old"] < 3 || p.found["new"] < 3 {
			t.Errorf("the cuts do not show both states: %v", p.found)
		}
	})
}

// A power cuts a file system from power.
type power struct {
	*testing.T
	fs      fileSystem
	flushed bool
	swallow bool // the program's syncs are not made
	found   map[string]int
}

// sweep cuts at every step-th call of one scenario, and after it.
func (p *power) sweep(s scenario, first, step int) {
	p.Helper()
	im := p.begin(s)
	defer im.remove()
	r := im.root().watch(func(c call) verdict {
		if !p.Failed() && (c.n-first)%step == 0 {
			p.found[p.after(im, s, "cut before "+c.String())]++
		}
		return verdict{}
	}, strings.Fields(s.do)...)
	if r.code != 0 {
		p.Errorf("%s: exit code %d\n%s", s.name, r.code, r.output)
		return
	}
	if state := p.after(im, s, "cut after done"); state != "new" {
		p.Errorf("%s was said to be done; after a power cut the root is %q", s.name, state)
	}
}

// begin mounts a file system with a root where the scenario begins.
func (p *power) begin(s scenario) *image {
	p.Helper()
	name := fmt.Sprintf("%s-%s-%v-%v", s.name, p.fs.name, p.flushed, p.swallow)
	im := newImage(p, p.fs, name)
	im.root().copyOf(s.template(p).dir)
	im.tool("sync", "-f", im.at)
	return im
}

// after cuts the power now, switches it on again on a copy, and checks what is
// found there.
func (p *power) after(im *image, s scenario, what string) string {
	p.Helper()
	copy := p.cut(im)
	defer copy.remove()
	return copy.root().recovered(s, fmt.Sprintf("%s on %s, %s", s.name, p.fs.name, what))
}

// cut is the image after a power cut.
func (p *power) cut(im *image) *image {
	p.Helper()
	if p.flushed {
		im.flush()
	}
	return im.restore(im.cut(), strings.TrimSuffix(im.file[len(site.dir)+1:], ".img")+"-cut")
}

// TestCase22WithoutSyncs is the control: the same program whose syncs are
// swallowed loses what it said was done, or tears files. It shows that the
// cuts can find that.
func TestCase22WithoutSyncs(t *testing.T) {
	eachCut(t, func(t *testing.T, _ int, f fileSystem, flushed bool) {
		p := &power{T: t, fs: f, flushed: flushed, swallow: true}
		im := p.begin(scenarios[1])
		defer im.remove()
		r := im.root().watch(func(c call) verdict { return verdict{swallow: c.is("sync writeback")} }, "upgrade")
		if r.code != 0 {
			t.Fatalf("exit code %d\n%s", r.code, r.output)
		}
		copy := p.cut(im)
		defer copy.remove()
		if copy.root().snapshot() == scenarios[1].template(t).new {
			t.Errorf("nothing was lost without syncs: the power cut is none")
		}
		// btrfs keeps a rename back until the data of the file are written.
		if n := copy.root().torn(); flushed && f.name != "btrfs" && n == 0 {
			t.Errorf("no file was torn")
		} else {
			t.Logf("%d files lost their content", n)
		}
	})
}

// torn counts files that lost their content.
func (h *host) torn() (n int) {
	for line := range strings.SplitSeq(h.snapshot(), "\n") {
		if strings.HasSuffix(line, ` ""`) && !strings.Contains(line, "share/empty") {
			n++
		}
	}
	return n
}
