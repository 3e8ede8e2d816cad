package console

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"muster/internal/testneed"
)

// axe-core finds what keeps people from using a page: https://github.com/dequelabs/axe-core
// (MPL-2.0). It comes from npm into the user's cache, and is never part of this tree.
const (
	axePackage = "axe-core@4.14.1"
	axeHash    = "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
)

// axe is its script; "" where it is not here and may not be brought.
var axe = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "muster-test")
	file := filepath.Join(dir, "axe-core-4.14.1.tgz")
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) && os.Getenv("MUSTER_TEST_FULL") == "1" {
		if err = bringAxe(dir); err == nil {
			data, err = os.ReadFile(file)
		}
	}
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	sum := sha512.Sum512(data)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != axeHash {
		return "", fmt.Errorf("%s is not %s: it has %s", file, axePackage, got)
	}
	return unpackAxe(data)
})

// bringAxe has npm fetch the package; it runs nothing of it.
func bringAxe(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if out, err := exec.Command("npm", "pack", "--ignore-scripts", "--pack-destination", dir, axePackage).CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack %s: %w\n%s", axePackage, err, out)
	}
	return nil
}

func unpackAxe(data []byte) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return "", fmt.Errorf("%s has no script: %w", axePackage, err)
		}
		if h.Name == "package/axe.min.js" {
			text, err := io.ReadAll(io.LimitReader(r, 8<<20))
			return string(text), err
		}
	}
}

// needAxe skips the test where axe is not here.
func needAxe(t *testing.T) string {
	t.Helper()
	script := must(axe())(t)
	if script == "" {
		testneed.Missing(t, axePackage+", which ./test brings")
	}
	return script
}

// A finding of axe.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string
		FailureSummary string
	}
}

// usable fails when axe finds something serious on the page that is shown.
func (b *tab) usable(script, where string) {
	b.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](script + ";0"))
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]finding](`axe.run(document, {resultTypes: ["violations"]})
		.then(r => r.violations.map(v => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.slice(0, 4).map(n => ({HTML: n.html, FailureSummary: n.failureSummary}))})))`,
		func(p *runtime.EvaluateParams) { wait := true; p.AwaitPromise = &wait }))
	check(b, err)
	for _, f := range found {
		var text strings.Builder
		for _, n := range f.Nodes {
			fmt.Fprintf(&text, "\n\t%.200s\n\t\t%s", n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", " "))
		}
		say := b.Errorf
		if f.Impact != "serious" && f.Impact != "critical" {
			say = b.Logf
		}
		say("%s: %s, %s: %s%s", where, f.Impact, f.ID, f.Help, text.String())
	}
}
