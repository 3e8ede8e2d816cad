package agent

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestHandLongLine: a process that prints a line without an end holds up nothing, and
// what it says behind that is heard.
func TestHandLongLine(t *testing.T) {
	exe := shell(t, `echo '{"text":"first"}'; head -c 30000000 /dev/zero; echo
printf '{"text":"'; head -c 2000000 /dev/zero | tr '\0' x; echo '"}'
echo '{"done":{"notes":["end"]}}'
`)
	var told []int
	d := (&Work{Action: Look}).Hand(t.Context(), exe, func(n News) { told = append(told, len(n.Text)) })
	if d.Error != nil || len(d.Notes) != 1 || fmt.Sprint(told) != "[5 2000000]" {
		t.Errorf("the end is %+v, after news of %d bytes", d, told)
	}
}

// TestHandGrace: a process that is asked to end may take its time; one that takes more
// is ended.
func TestHandGrace(t *testing.T) {
	up := filepath.Join(t.TempDir(), "up")
	for text, want := range map[string]string{
		`trap 'echo "{\"done\":{\"notes\":[\"taken back\"]}}"; exit' TERM`: "taken back",
		"trap '' TERM": "",
	} {
		exe := shell(t, fmt.Sprintf("%s\necho '{\"text\":\"up\"}'; echo >> %s; for i in $(seq 100); do sleep 0.1; done", text, up))
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		d := (&Work{Action: Upgraded, Grace: 2 * time.Second}).Hand(ctx, exe, func(News) { stop() })
		if got := strings.Join(d.Notes, ""); got != want || (want == "") != (d.Error != nil) {
			t.Errorf("%s: the end is %+v", text, d)
		}
		if took := time.Since(began); took > 9*time.Second {
			t.Errorf("%s: it took %s", text, took)
		}
	}
}
