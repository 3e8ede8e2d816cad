package glpi

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"

	"muster"
)

// Status is what became of a message.
type Status string

// The statuses of answers.
const (
	Taken   Status = "ok"
	Pending Status = "pending" // by a proxy: ask again after Expiration, by the id of the request
	Failed  Status = "error"
)

// An Answer is what GLPI says to a message of an agent.
type Answer struct {
	Status  Status
	Message string // for people, of errors
	// Expiration is when GLPI wants to hear again; of a pending answer, how long to wait.
	Expiration time.Duration
}

// Bounds of an answer. GLPI cuts messages at 250 characters; what plugins add to
// an answer is not read.
const (
	MaxAnswer     = 256 << 10
	maxMessage    = 500
	maxExpiration = 366 * 24 * time.Hour
)

// ParseAnswer reads the body of an answer, decompressed. It is Invalid where it is
// none of GLPI's, Denied where GLPI takes no inventories.
func ParseAnswer(data []byte) (a Answer, err error) {
	if len(data) > MaxAnswer {
		return a, muster.Errorf(muster.Invalid, "the answer has %d bytes, more than %d", len(data), MaxAnswer)
	}
	// Written without JSON by GLPI 10 with its inventory switched off.
	if bytes.Contains(data, []byte("Inventory is disabled")) {
		return a, muster.WithHint(muster.Errorf(muster.Denied, "its inventory is disabled"), "in GLPI: Administration > Inventory > Enable inventory")
	}
	var m struct {
		Status     Status          `json:"status"`
		Message    any             `json:"message"`
		Expiration json.RawMessage `json:"expiration"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return a, notGLPI(data)
	}
	a.Status = m.Status
	if text, ok := m.Message.(string); ok {
		a.Message = plain(text)
	}
	if a.Status != Taken && a.Status != Pending && a.Status != Failed {
		return a, notGLPI(data)
	}
	a.Expiration = expiration(string(m.Expiration))
	return a, nil
}

func notGLPI(data []byte) error {
	const shown = 60
	return muster.WithHint(muster.Errorf(muster.Invalid, "what answers is not GLPI's inventory: %q", plain(string(data[:min(len(data), shown)]))),
		"'glpi.url' is GLPI's own address, as https://glpi.example.org")
}

// plain is a text that a terminal and a log may be given.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "")
	}
	return strings.Join(strings.Fields(s), " ")
}

// expiration reads a number of hours, or a text with a unit: 24, "24", "30s", "15m",
// "2h", "1d". What is none is 0.
func expiration(text string) time.Duration {
	text = strings.Trim(text, `"`)
	unit := time.Hour
	for letter, of := range map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour} {
		if digits, ok := strings.CutSuffix(text, letter); ok {
			text, unit = digits, of
			break
		}
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0
	}
	if n > uint64(maxExpiration/unit) {
		return maxExpiration
	}
	return time.Duration(n) * unit
}
