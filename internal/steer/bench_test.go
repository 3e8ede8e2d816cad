package steer

import (
	"fmt"
	"testing"

	"muster/api"
	"muster/index"
)

// BenchmarkForecast is what a page of fifty hosts waits for, in a repository of five
// thousand packages.
func BenchmarkForecast(b *testing.B) {
	l := &List{byName: map[string][]*index.Entry{}, stands: map[string][]string{}}
	add := func(text string) {
		c := controlOf(b, text)
		l.byName[c.Name] = append(l.byName[c.Name], &index.Entry{Control: c})
	}
	for i := range 5000 {
		add(fmt.Sprintf("tool-%d 1: lib-%d, lib-%d", i, i%500, i%300))
		add(fmt.Sprintf("tool-%d 2: lib-%d, lib-%d", i, i%500, i%300))
	}
	for i := range 500 {
		add(fmt.Sprintf("lib-%d 1", i))
	}
	lab := "group lab 1: tool-1"
	for i := range 30 {
		lab += fmt.Sprintf(", tool-%d", i*7+2)
	}
	add(lab)
	for _, all := range l.byName {
		newestFirst(all)
	}
	h := host("lab")
	for i := range 60 {
		h.Installed = append(h.Installed, api.InstalledPackage{Name: fmt.Sprintf("tool-%d", i*7+2), Version: "1", By: "user"})
	}
	next := controlOf(b, lab+", tool-4999")
	next.Version = "2"
	b.ResetTimer()
	for b.Loop() {
		p := NewPlanner(l)
		for range 50 {
			if _, err := p.Forecast(b.Context(), h, Edit{Package: next}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
