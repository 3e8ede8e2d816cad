package hosts

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"muster/api"
	"muster/sign"
)

// FuzzItems reads lists of software as a damaged database may hold them: what is
// read is sorted, and written again it reads as the same.
func FuzzItems(f *testing.F) {
	f.Add(appendItems(nil, nil))
	f.Add(appendItems(nil, []item{{1, 5}, {2, 5}, {300, -7}, {1 << 40, 1 << 60}}))
	f.Add([]byte{2, 1, 0, 0, 0}) // a number twice
	f.Fuzz(func(t *testing.T, data []byte) {
		items, err := unpackItems(data)
		if err != nil {
			return
		}
		for i := 1; i < len(items); i++ {
			if items[i].software <= items[i-1].software {
				t.Fatalf("item %d is not above the one before", i)
			}
		}
		again, err := unpackItems(appendItems(nil, items))
		if err != nil || len(again) != len(items) {
			t.Fatalf("%d items read as %d, %v", len(items), len(again), err)
		}
		for i := range items {
			if again[i] != items[i] {
				t.Fatalf("item %d: %v, then %v", i, items[i], again[i])
			}
		}
	})
}

// packer is a Hosts that can compress, and nothing else.
func packer(t testing.TB) *Hosts {
	t.Helper()
	h := new(Hosts)
	var err error
	if h.pack, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		t.Fatal(err)
	}
	if h.unpack, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked)); err != nil {
		t.Fatal(err)
	}
	return h
}

// FuzzPatch reads history as a damaged database may hold it: what is read reads
// again as the same, and undoing it never leaves the bounds of a section.
func FuzzPatch(f *testing.F) {
	h := packer(f)
	sum := bytes.Repeat([]byte{7}, 32)
	sections, err := diffSections([]byte(`{"audits":[1,2,3],"format":1,"users":{}}`), []byte(`{"audits":[1,3],"disks":{},"format":1}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(h.encodePatch(&patch{}, sum), []byte("[]"))
	f.Add(h.encodePatch(&patch{added: []item{{3, 4}}, removed: []item{{1, 2}, {5, 6}}, sections: sections}, sum), []byte("[1,3]"))
	long := sectionPatch{name: "audits", before: true, after: true, middle: bytes.Repeat([]byte("x"), 500)}
	f.Add(h.encodePatch(&patch{sections: []sectionPatch{long}}, sum), []byte("[]"))
	f.Fuzz(func(t *testing.T, data, after []byte) {
		p, prefix, err := h.decodePatch(data)
		if err != nil {
			return
		}
		again, _, err := h.decodePatch(h.encodePatch(p, append(bytes.Clone(prefix), make([]byte, 24)...)))
		if err != nil || len(again.sections) != len(p.sections) || len(again.added) != len(p.added) || len(again.removed) != len(p.removed) {
			t.Fatalf("%+v reads again as %+v, %v", p, again, err)
		}
		for i := range p.sections {
			s, g := &p.sections[i], &again.sections[i]
			if s.name != g.name || !bytes.Equal(s.middle, g.middle) {
				t.Fatalf("section %+v reads again as %+v", s, g)
			}
			before, err := s.undo(after)
			if err == nil && s.before && len(before) != s.prefix+len(s.middle)+s.suffix {
				t.Fatalf("undone to %d bytes", len(before))
			}
		}
	})
}

// FuzzSections holds that a section undone is the one before, whatever both were.
func FuzzSections(f *testing.F) {
	f.Add([]byte(`[{"a":1},{"b":2}]`), []byte(`[{"b":2}]`))
	f.Add([]byte("aaaa"), []byte("aa"))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		p := patchSection("x", before, after)
		if again, err := p.undo(after); err != nil || !bytes.Equal(again, before) {
			t.Fatalf("%q to %q and back is %q, %v", before, after, again, err)
		}
	})
}

// FuzzKey reads keys and ids of machines that nobody knows: what is taken is a key
// of P-256 in one encoding, whose certificate would name it.
func FuzzKey(f *testing.F) {
	f.Add(newMachine(f, hostID(1)).public(f), hostID(1))
	f.Add("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", "00000000-0000-4000-8000-00000000000G")
	f.Fuzz(func(t *testing.T, text, id string) {
		if checkID(id) == nil && len(id) != 36 {
			t.Fatalf("%q is an id", id)
		}
		spki, key, err := readKey(text)
		if err != nil {
			return
		}
		if key == nil || base64.StdEncoding.EncodeToString(spki) != text {
			t.Fatalf("%q is another text of the same key", text)
		}
	})
}

// FuzzReturn reads what machines say that claim to come back: nobody does without a
// certificate of the authority.
func FuzzReturn(f *testing.F) {
	ca, err := authority()
	if err != nil {
		f.Fatal(err)
	}
	h := &Hosts{Config: Config{Authority: ca, Now: func() time.Time { return start }}}
	m := newMachine(f, hostID(1))
	cert, err := sign.Issue(ca, sign.Request{Name: m.id, Public: m.key.Public(), From: start.Add(-1e9), To: start.Add(1e12)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(sign.EncodeCerts(cert)))
	f.Add(string(sign.EncodeCerts(ca.Chain...)))
	f.Fuzz(func(t *testing.T, pem string) {
		id, _, err := h.ReturnKey(&api.Return{Certificate: pem})
		if err == nil && id != m.id {
			t.Fatalf("%q comes back", id)
		}
	})
}

// FuzzCursor reads what stands in a URL.
func FuzzCursor(f *testing.F) {
	f.Add("12.3")
	f.Add(`["openssl",7]`)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if n, skip, err := readCursor(text); err == nil && (n < 0 || skip < 0) {
			t.Fatalf("%q is %d.%d", text, n, skip)
		}
		after, err := readCatalogueCursor(text)
		if err != nil {
			return
		}
		again, err := printCatalogueCursor(after)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := readCatalogueCursor(again); err != nil || back != after {
			t.Fatalf("%q is %v, then %v, %v", text, after, back, err)
		}
	})
}

// FuzzResult cuts what hosts say of what they did: it fits where it is kept.
func FuzzResult(f *testing.F) {
	f.Add([]byte(`{"id":"00000000-0000-4000-8000-000000000001","kind":"upgrade","error":"x","steps":[{"op":"install","name":"a"}]}`))
	h := packer(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var r api.Result
		if json.Unmarshal(data, &r) != nil {
			return
		}
		all, err := h.packResults([]api.Result{r, r})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			var back api.Result
			if _, err := h.readPacked("a result", p.body, &back); err != nil {
				t.Fatal(err)
			}
			texts := 0
			for _, s := range back.Steps {
				texts += len(s.Op) + len(s.Name) + len(s.From) + len(s.To) + len(s.Error)
			}
			if texts > maxStepTexts+maxStepErrors+maxSteps*leastError+4*maxError {
				t.Fatalf("steps of %d bytes", texts)
			}
			if len(back.Steps) > maxSteps || len(back.Error) > 4*maxError || len(p.id) != 16 {
				t.Fatalf("kept as %+v", back)
			}
		}
	})
}
