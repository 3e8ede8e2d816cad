package windows

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestFirst is the first client of an agent. Wine gives it an end of the pipe that nobody
// serves: go-winio has that only so that the name is taken.
func TestFirst(t *testing.T) {
	if os.Getenv("MUSTER_TEST_PAGE") == "" {
		t.Skip("no agent was started: MUSTER_TEST_PAGE")
	}
	c, err := os.OpenFile(`\\.\pipe\muster-agent`, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// TestBrowser is a browser without a script, of the person whose the page at
// MUSTER_TEST_PAGE is: it looks at the catalogue, installs what is offered there, and looks
// at what was changed. TestSelfService starts it.
func TestBrowser(t *testing.T) {
	page := os.Getenv("MUSTER_TEST_PAGE")
	if page == "" {
		t.Skip("no page is given: MUSTER_TEST_PAGE")
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Jar: jar, Timeout: time.Minute}
	read := func(resp *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v\n%s", resp.Request.URL, resp.Status, err, body)
		}
		return string(body)
	}
	entered := read(client.Get(page))
	folder := regexp.MustCompile(`url=(/[A-Z0-9]+/)"`).FindStringSubmatch(entered)
	if folder == nil {
		t.Fatalf("the page does not lead on: %s", entered)
	}
	base := page[:strings.Index(page, "/enter/")] + folder[1]
	if body := read(client.Get(base)); !strings.Contains(body, "The Tool") || !strings.Contains(body, "Install The Tool") {
		t.Fatalf("the catalogue:\n%s", body)
	}
	read(client.PostForm(base+"do", url.Values{"op": {"install"}, "name": {"tool"}}))
	for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(read(client.Get(base+"package/tool")), "Remove The Tool"); <-time.After(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it is never installed:\n%s", read(client.Get(base)))
		}
	}
	if body := read(client.Get(base + "history")); !strings.Contains(body, "tool 1 installed") || !strings.Contains(body, "by you") {
		t.Errorf("the history:\n%s", body)
	}
}
