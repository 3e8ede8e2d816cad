package console

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// theBrowser is one chromium for all tests. Each has windows of its own that share nothing.
var theBrowser = sync.OnceValues(func() (context.Context, error) {
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.WindowSize(1440, 1000), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("disable-gpu", true), chromedp.Flag("renderer-process-limit", "2"), chromedp.Flag("process-per-site", true), chromedp.Flag("lang", "en-GB"),
		chromedp.Flag("font-render-hinting", "none"), chromedp.Flag("no-sandbox", os.Geteuid() == 0), chromedp.Flag("ignore-certificate-errors-spki-list", believed))...)
	ctx, closeTab := chromedp.NewContext(ctx)
	endBrowser = func() { closeTab(); cancel() }
	return ctx, chromedp.Do(ctx)
})

// endBrowser ends it.
var endBrowser = func() {}

// believed are the hashes of the keys that the browser takes for those of servers.
var believed string

// believe has the browser, which is not there yet, know the server by its key.
func (s *site) believe() error {
	leaf, err := s.leaf()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	believed = base64.StdEncoding.EncodeToString(sum[:])
	return nil
}

// check ends a test at an error.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return v
	}
}

// quoted is a text as a script writes it.
func quoted(text string) string { return fmt.Sprintf("%q", text) }
