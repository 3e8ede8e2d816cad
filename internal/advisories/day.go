package advisories

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"muster"
	"muster/advisory"
	"muster/api"
	"muster/internal/db"
)

const (
	daySeconds  = 24 * 60 * 60
	countedEach = 15 * 60 // seconds between two writes of a day's row
	keepDays    = 3 * 366 * daySeconds
)

// keepDay writes how sites stand, over what it was earlier in the day: so the row of a
// day is how it ended.
func (a *Advisories) keepDay(ctx context.Context) error {
	now := a.Now().Unix()
	counted, err := self[int64](ctx, a, "counted")
	if err != nil || now < counted+countedEach && now/daySeconds == counted/daySeconds {
		return err
	}
	all, err := a.standing(ctx, nil)
	if err != nil {
		return err
	}
	day := now - now%daySeconds
	var rows [][]any
	for _, s := range all {
		body, err := json.Marshal(api.AdvisoryPoint{Day: day, Hosts: s.Hosts, Worst: s.Worst, Advisories: s.Advisories})
		if err != nil {
			return err
		}
		rows = append(rows, []any{s.Site, day, body})
	}
	return a.write(ctx, func(tx *db.Tx) error {
		if err := tx.Upsert("advisories_day", []string{"site", "day"}, []string{"site", "day", "body"}, rows); err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM advisories_day WHERE day < ?", day-keepDays); err != nil {
			return err
		}
		return setSelf(tx, "counted", now)
	})
}

// standing is how each site stands that somebody may see, by name.
func (a *Advisories) standing(ctx context.Context, see []string) (out []api.SiteCounts, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out, err = standing(tx, see)
		return err
	})
	return out, err
}

func standing(tx *db.Tx, see []string) ([]api.SiteCounts, error) {
	by := map[string]*api.SiteCounts{}
	in, args := seeSites("site", see)
	err := tx.Each("SELECT site, severity, SUM(hosts), SUM(CASE WHEN exploited > 0 THEN hosts ELSE 0 END) FROM advisories_group WHERE "+in+" GROUP BY site, severity", args, func(scan db.Scan) error {
		var site string
		var worst, hosts, exploited int64
		err := scan(&site, &worst, &hosts, &exploited)
		s := by[site]
		if s == nil {
			s = &api.SiteCounts{Site: site}
			by[site] = s
		}
		s.Hosts += hosts
		s.Worst.Exploited += exploited
		*hostsBy(&s.Worst, worst) += hosts
		return err
	})
	if err != nil {
		return nil, err
	}
	err = tx.Each("SELECT site, mark, advisories FROM advisories_total WHERE whole = 0 AND "+in, args, func(scan db.Scan) error {
		var site string
		var m mark
		var n int64
		err := scan(&site, &m, &n)
		if s := by[site]; s != nil {
			m.countTo(&s.Advisories, n)
		}
		return err
	})
	out := []api.SiteCounts{}
	for _, site := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[site])
	}
	return out, err
}

func hostsBy(c *api.HostCounts, worst int64) *int64 {
	switch worst {
	case worstNone:
		return &c.None
	case worstUncovered:
		return &c.Uncovered
	}
	return c.Of(advisory.Severity(worst).String())
}

// Standing is how sites stand that somebody may see, and all of them together.
func (a *Advisories) Standing(ctx context.Context, see []string) (out api.SiteCountsPage, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out = api.SiteCountsPage{}
		if out.Sites, err = standing(tx, see); err != nil {
			return err
		}
		for i := range out.Sites {
			out.All.Hosts += out.Sites[i].Hosts
			addHosts(&out.All.Worst, &out.Sites[i].Worst)
		}
		return marksOf(tx, see, func(m mark, n int64) { m.countTo(&out.All.Advisories, n) })
	})
	return out, err
}

// marksOf counts the advisories of all sites that somebody may see, each once.
func marksOf(tx *db.Tx, see []string, f func(m mark, n int64)) error {
	if see == nil {
		return tx.Each("SELECT mark, advisories FROM advisories_total WHERE whole = 1", nil, func(scan db.Scan) error {
			var m mark
			var n int64
			err := scan(&m, &n)
			f(m, n)
			return err
		})
	}
	in, args := seeSites("site", see)
	return tx.Each("SELECT sev, more, COUNT(*) FROM (SELECT MAX(mark % 8) AS sev, MAX(CASE WHEN mark % 16 >= 8 THEN 8 ELSE 0 END) + MAX(CASE WHEN mark >= 16 THEN 16 ELSE 0 END) AS more FROM advisories_site WHERE "+in+" GROUP BY advisory) x GROUP BY sev, more", args, func(scan db.Scan) error {
		var severity, more mark
		var n int64
		err := scan(&severity, &more, &n)
		f(severity|more, n)
		return err
	})
}

func addHosts(to, from *api.HostCounts) {
	for worst := int64(worstUncovered); worst <= int64(advisory.Critical); worst++ {
		*hostsBy(to, worst) += *hostsBy(from, worst)
	}
	to.Exploited += from.Exploited
}

// Trend is how a site, or all that somebody may see, stood at the end of each day since
// a time.
func (a *Advisories) Trend(ctx context.Context, see []string, site string, from int64) (out api.AdvisoryTrend, err error) {
	in, args := seeSites("site", see)
	if site != "" {
		in, args = in+" AND site = ?", append(args, site)
	}
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out.Points = []api.AdvisoryPoint{}
		return tx.Each("SELECT body FROM advisories_day WHERE "+in+" AND day >= ? ORDER BY day, site", append(args, from), func(scan db.Scan) error {
			var body []byte
			var p api.AdvisoryPoint
			if err := scan(&body); err != nil {
				return err
			}
			if err := json.Unmarshal(body, &p); err != nil {
				return muster.Errorf(muster.Internal, "the database holds a count that is damaged: %w", err)
			}
			if n := len(out.Points); n > 0 && out.Points[n-1].Day == p.Day {
				addPoint(&out.Points[n-1], &p)
				return nil
			}
			out.Points = append(out.Points, p)
			return nil
		})
	})
	return out, err
}

func addPoint(to, from *api.AdvisoryPoint) {
	to.Hosts += from.Hosts
	addHosts(&to.Worst, &from.Worst)
	t, f := &to.Advisories, &from.Advisories
	for s := advisory.Unknown; s <= advisory.Critical; s++ {
		*t.Of(s.String()) += *f.Of(s.String())
	}
	t.Exploited += f.Exploited
	t.Fixable += f.Fixable
}
