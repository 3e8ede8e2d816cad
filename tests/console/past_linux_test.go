package console

import (
	"context"
	"encoding/json"
	"time"

	"muster/api"
	"muster/internal/db"
	"muster/internal/db/sqlite"
)

// past has the server remember what it would have counted, had it run for some weeks: how
// versions of tool and of notes followed each other, and how the fleet grew.
func (w *world) past() error {
	d, err := db.Open(context.Background(), "sqlite:"+w.path("server/muster.db"), sqlite.Driver{})
	if err != nil {
		return err
	}
	defer d.Close()
	const days = 28
	today := time.Now().UTC().Truncate(24 * time.Hour)
	var spreads, trend [][]any
	for i := range days {
		at := today.Add(time.Duration(i+1-days) * 24 * time.Hour)
		hosts := 90 + i
		tool := map[string]int{"0.9-1": max(0, hosts/2-4*i), "1.0-1": 0}
		tool["1.0-1"] = hosts/2 - tool["0.9-1"] + i/2
		notes := map[string]int{"1.8-2": max(0, 40-3*i), "1.9-1": max(0, min(3*i, 60-2*i)), "2.0-1": max(0, 3*i-30)}
		for place, p := range []struct {
			name     string
			versions map[string]int
			others   int
		}{{"tool", tool, 0}, {"notes", notes, 2}} {
			point := api.SpreadPoint{Time: at.Unix(), Versions: p.versions, Others: p.others, Hosts: p.others}
			for _, n := range p.versions {
				point.Hosts += n
			}
			body, err := json.Marshal(point)
			if err != nil {
				return err
			}
			spreads = append(spreads, []any{p.name, "day", at.Unix(), place, body})
			if i == days-1 { // what was counted last says which packages those are
				spreads = append(spreads, []any{p.name, "hour", time.Now().UTC().Truncate(time.Hour).Unix(), place, body})
			}
		}
		body, err := json.Marshal(api.TrendPoint{Time: at.Unix(), Hosts: hosts, Online: hosts - 5, Errors: i % 4, Change: max(0, 20-i)})
		if err != nil {
			return err
		}
		trend = append(trend, []any{"day", at.Unix(), body})
	}
	return d.Write(context.Background(), func(tx *db.Tx) error {
		if err := tx.Upsert("hosts_spread", []string{"package", "span", "began"}, []string{"package", "span", "began", "place", "body"}, spreads); err != nil {
			return err
		}
		return tx.Upsert("hosts_trend", []string{"span", "began"}, []string{"span", "began", "body"}, trend)
	})
}
