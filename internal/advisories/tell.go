package advisories

import (
	"context"
	"slices"

	"muster/advisory"
	"muster/api"
	"muster/internal/db"
)

// Bounds of news.
const (
	togetherNews = 20                 // new ones of a site that come together are one event
	keepNews     = 180 * 24 * 60 * 60 // seconds
)

// A news is a serious advisory that a site has and was not told of, or the other way
// round.
type news struct {
	site     string
	advisory int64
	hosts    int64
	mark     mark
}

// tell compares the serious advisories that sites have with those that they were told
// of, where that has changed. It runs after all counting, so that an event has all hosts
// that are concerned.
func (a *Advisories) tell(ctx context.Context) error {
	if err := a.tellAnew(ctx); err != nil {
		return err
	}
	var came, went []news
	noted := 0
	err := a.DB.Read(ctx, func(tx *db.Tx) (err error) {
		if err := tx.QueryRow("SELECT COUNT(*) FROM advisories_untold").Scan(&noted); err != nil || noted == 0 {
			return err
		}
		if came, err = newsOf(tx, `SELECT x.site, x.advisory, x.hosts, x.sev, x.exploited FROM
			(SELECT s.site, s.advisory, SUM(s.hosts) AS hosts, MAX(s.mark % 8) AS sev, MAX(s.mark % 16) AS exploited FROM `+untold+` GROUP BY s.site, s.advisory) x
			LEFT JOIN advisories_told t ON t.site = x.site AND t.advisory = x.advisory WHERE t.advisory IS NULL ORDER BY x.site, x.advisory`, int64(a.Serious)); err != nil {
			return err
		}
		went, err = newsOf(tx, `SELECT t.site, t.advisory, t.since, 0, 0 FROM advisories_untold u JOIN advisories_told t ON t.site = u.site AND t.advisory = u.advisory
			LEFT JOIN (SELECT DISTINCT s.site, s.advisory FROM `+untold+`) x
			ON x.site = t.site AND x.advisory = t.advisory WHERE x.advisory IS NULL ORDER BY t.site, t.advisory`, int64(a.Serious))
		return err
	})
	if err != nil || noted == 0 {
		return err
	}
	if went, err = a.tellNobody(ctx, went); err != nil {
		return err
	}
	for _, of := range []struct {
		kind string
		all  []news
	}{{api.AdvisoryNew, came}, {api.AdvisoryGone, went}} {
		for len(of.all) > 0 {
			n := slices.IndexFunc(of.all, func(x news) bool { return x.site != of.all[0].site })
			if n < 0 {
				n = len(of.all)
			}
			if err := a.tellSite(ctx, of.kind, of.all[:n]); err != nil {
				return err
			}
			of.all = of.all[n:]
		}
	}
	return a.write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("DELETE FROM advisories_untold")
		return err
	})
}

// untold is the serious advisories of sites among those that are noted.
const untold = "advisories_untold u JOIN advisories_site s ON s.site = u.site AND s.advisory = u.advisory WHERE (s.mark % 8 >= ? OR s.mark % 16 >= 8)"

// tellAnew notes all that is serious, and all that was, where what is so was configured
// anew.
func (a *Advisories) tellAnew(ctx context.Context) error {
	was, err := self[int64](ctx, a, "serious")
	if err != nil || was == int64(a.Serious) {
		return err
	}
	return a.write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM advisories_untold"); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO advisories_untold (site, advisory) SELECT site, advisory FROM advisories_told UNION SELECT site, advisory FROM advisories_site WHERE mark % 8 >= ? OR mark % 16 >= 8", int64(a.Serious))
		if err != nil {
			return err
		}
		return setSelf(tx, "serious", int64(a.Serious))
	})
}

// tellNobody notes what left with its source, of which nobody is told: it has 0 for when
// the site was told. What is left is told, and has no hosts.
func (a *Advisories) tellNobody(ctx context.Context, went []news) ([]news, error) {
	for part := range slices.Chunk(went, someIDs) {
		err := a.write(ctx, func(tx *db.Tx) error {
			for _, n := range part {
				if n.hosts != 0 {
					continue
				}
				if _, err := tx.Exec("DELETE FROM advisories_told WHERE site = ? AND advisory = ?", n.site, n.advisory); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	went = slices.DeleteFunc(went, func(n news) bool { return n.hosts == 0 })
	for i := range went {
		went[i].hosts = 0
	}
	return went, nil
}

func newsOf(tx *db.Tx, query string, args ...any) (all []news, err error) {
	err = tx.Each(query, args, func(scan db.Scan) error {
		var n news
		var exploited mark
		err := scan(&n.site, &n.advisory, &n.hosts, &n.mark, &exploited)
		n.mark |= exploited & markExploited
		all = append(all, n)
		return err
	})
	return all, err
}

// tellSite writes events of one site, and in the same breath that it was told.
func (a *Advisories) tellSite(ctx context.Context, kind string, all []news) error {
	now := a.Now().Unix()
	rows := [][]any{}
	if len(all) > togetherNews {
		m, hosts := mark(0), int64(0)
		for _, n := range all {
			m, hosts = m.with(n.mark), max(hosts, n.hosts)
		}
		rows = append(rows, []any{0, now, kind, all[0].site, 0, int(m.severity()), m&markExploited != 0, len(all), hosts})
	} else {
		for _, n := range all {
			rows = append(rows, []any{0, now, kind, n.site, n.advisory, int(n.mark.severity()), n.mark&markExploited != 0, 1, n.hosts})
		}
	}
	return a.write(ctx, func(tx *db.Tx) error {
		first, err := tx.Next("advisories_number", "event", int64(len(rows)))
		if err != nil {
			return err
		}
		for i := range rows {
			rows[i][0] = first + int64(i)
		}
		if err := tx.Insert("advisories_event", []string{"number", "happened", "kind", "site", "advisory", "severity", "exploited", "advisories", "hosts"}, rows); err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM advisories_event WHERE happened < ?", now-keepNews); err != nil {
			return err
		}
		return told(tx, kind, all, now)
	})
}

func told(tx *db.Tx, kind string, all []news, now int64) error {
	if kind == api.AdvisoryNew {
		var rows [][]any
		for _, n := range all {
			rows = append(rows, []any{n.site, n.advisory, now})
		}
		return tx.Upsert("advisories_told", []string{"site", "advisory"}, []string{"site", "advisory", "since"}, rows)
	}
	for part := range slices.Chunk(all, someIDs) {
		args := []any{part[0].site}
		for _, n := range part {
			args = append(args, n.advisory)
		}
		if _, err := tx.Exec("DELETE FROM advisories_told WHERE site = ? AND advisory IN "+db.In(len(part)), args...); err != nil {
			return err
		}
	}
	return nil
}

// Newest is the number of the newest event: who follows from there hears of all that
// comes.
func (a *Advisories) Newest(ctx context.Context) (n int64, err error) {
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT last FROM advisories_number WHERE name = 'event'").Scan(&n)
	})
	return n, err
}

// News lists what came to sites that somebody may see and what left them, behind an
// event, the oldest first; and the number to go on from.
func (a *Advisories) News(ctx context.Context, see []string, after int64, limit int) (out []api.AdvisoryNews, last int64, err error) {
	in, args := seeSites("site", see)
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		out = nil
		if err := tx.QueryRow("SELECT last FROM advisories_number WHERE name = 'event'").Scan(&last); err != nil {
			return err
		}
		var nums []int64
		x, err := a.facts(tx)
		if err != nil {
			return err
		}
		err = tx.Each("SELECT number, happened, kind, site, advisory, severity, exploited, advisories, hosts, platform, os FROM advisories_event WHERE number > ? AND "+in+" ORDER BY number LIMIT ?",
			slices.Concat([]any{after}, args, []any{limit}), func(scan db.Scan) error {
				var n api.AdvisoryNews
				var num int64
				var severity advisory.Severity
				var r release
				err := scan(&n.Number, &n.Time, &n.Kind, &n.Site, &num, &severity, &n.Exploited, &n.Advisories, &n.Hosts, &r.platform, &r.os)
				if n.Severity = severity.String(); r.platform != "" {
					s := x.release(r, n.Time)
					n.Release = &s
				}
				out, nums = append(out, n), append(nums, num)
				return err
			})
		if err != nil {
			return err
		}
		if len(out) == limit && limit > 0 {
			last = out[limit-1].Number
		}
		known, err := a.headsOf(tx, nums)
		for i, num := range nums {
			if h := known[num]; h != nil {
				one := *h
				out[i].Advisory = &one
			}
		}
		return err
	})
	return out, last, err
}

// seeSites is a condition that a column is one of the sites that somebody may see.
func seeSites(column string, see []string) (string, []any) {
	if see == nil {
		return "1 = 1", nil
	}
	return column + " IN " + db.In(len(see)), anys(see)
}
