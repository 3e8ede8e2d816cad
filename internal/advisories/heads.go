package advisories

import (
	"slices"
	"sync"

	"muster/advisory"
	"muster/api"
	"muster/internal/db"
)

// A headKeeper remembers what lists say of advisories: a host has a thousand, and its
// page shows the worst hundred. Versions do not change.
type headKeeper struct {
	mu sync.Mutex
	of map[version]*advisory.Advisory
}

// maxHeads bounds them: one takes about a kilobyte.
const maxHeads = 20_000

func (k *headKeeper) get(v version) *advisory.Advisory {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.of[v]
}

// put keeps an advisory without what it speaks of, which is most of it.
func (k *headKeeper) put(v version, d *advisory.Advisory) {
	d.Affected = nil
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil || len(k.of) >= maxHeads {
		k.of = map[version]*advisory.Advisory{}
	}
	k.of[v] = d
}

// A headed version is one of a source.
type headed struct {
	version
	source string
}

// headsOf reads what a list says of advisories.
func (a *Advisories) headsOf(tx *db.Tx, nums []int64) (map[int64]*api.Advisory, error) {
	nums = slices.Clone(nums)
	slices.Sort(nums)
	nums = slices.Compact(nums)
	out := make(map[int64]*api.Advisory, len(nums))
	x, err := a.facts(tx)
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(nums, someIDs) {
		all, err := versionsOf(tx, part)
		if err != nil {
			return nil, err
		}
		var ask []int64
		for _, h := range all {
			if d := a.heads.get(h.version); d != nil {
				one := x.headOf(h.advisory, h.source, d)
				out[h.advisory] = &one
			} else {
				ask = append(ask, h.advisory)
			}
		}
		if err := a.readHeads(tx, x, ask, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// versionsOf lists those that count.
func versionsOf(tx *db.Tx, nums []int64) (all []headed, err error) {
	err = tx.Each("SELECT v.advisory, v.born, s.name FROM advisories_version v JOIN advisories_source s ON s.num = v.source WHERE v.advisory IN "+db.In(len(nums))+" AND "+current, anys(nums), func(scan db.Scan) error {
		var h headed
		err := scan(&h.advisory, &h.born, &h.source)
		all = append(all, h)
		return err
	})
	return all, err
}

func (a *Advisories) readHeads(tx *db.Tx, x *facts, nums []int64, out map[int64]*api.Advisory) error {
	if len(nums) == 0 {
		return nil
	}
	return tx.Each("SELECT v.advisory, v.born, s.name, v.body FROM advisories_version v JOIN advisories_source s ON s.num = v.source WHERE v.advisory IN "+db.In(len(nums))+" AND "+current, anys(nums), func(scan db.Scan) error {
		var h headed
		var body []byte
		if err := scan(&h.advisory, &h.born, &h.source, &body); err != nil {
			return err
		}
		d, err := a.read(body)
		if err != nil {
			return err
		}
		a.heads.put(h.version, d)
		one := x.headOf(h.advisory, h.source, d)
		out[h.advisory] = &one
		return nil
	})
}

// headOf is what people read of an advisory, with scores of today.
func (x *facts) headOf(num int64, source string, d *advisory.Advisory) api.Advisory {
	scored := *d
	x.scores.Mark(&scored)
	d = &scored
	return api.Advisory{Number: num, ID: d.ID, Source: source, Aliases: d.Aliases, Summary: d.Summary, Severity: d.Severity.String(), CVSS: d.CVSS,
		Exploited: d.Exploited, EPSS: d.EPSS, Percentile: d.Percentile, Published: d.Published, Modified: d.Modified, Withdrawn: d.Withdrawn, References: d.References}
}
