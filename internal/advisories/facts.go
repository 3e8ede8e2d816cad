package advisories

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"muster"
	"muster/advisory"
	"muster/internal/db"
)

// Facts are what sources say of no package: which platforms any of them speaks of, until
// when releases are supported, how likely vulnerabilities are to be exploited. They are
// small, and read again when a source changes.
type facts struct {
	of      string          // generations of all sources
	covered map[string]bool // platforms, "debian 12"; "debian": every release
	lives   advisory.Lives  // those of sources, then the built-in
	scores  *advisory.Scores
}

// A factKeeper has the facts that were read last.
type factKeeper struct {
	mu   sync.Mutex
	last *facts
}

// Forms of sources that speak of no vulnerable version.
const (
	formSupport  = "support"
	formReleases = "releases"
	formScores   = "epss"
)

// facts are those of a state of the database.
func (a *Advisories) facts(tx *db.Tx) (*facts, error) {
	var of strings.Builder
	err := tx.Each("SELECT num, generation FROM advisories_source ORDER BY num", nil, func(scan db.Scan) error {
		var num, generation int64
		err := scan(&num, &generation)
		fmt.Fprintln(&of, num, generation)
		return err
	})
	if err != nil {
		return nil, err
	}
	a.known.mu.Lock()
	had := a.known.last
	a.known.mu.Unlock()
	if had != nil && had.of == of.String() {
		return had, nil
	}
	x := &facts{of: of.String()}
	if x.covered, err = coveredBy(tx); err != nil {
		return nil, err
	}
	if x.lives, err = a.storedLives(tx); err != nil {
		return nil, err
	}
	if x.scores, err = a.storedScores(tx); err != nil {
		return nil, err
	}
	a.known.mu.Lock()
	a.known.last = x
	a.known.mu.Unlock()
	return x, nil
}

// covers reports whether any list of advisories speaks of a platform.
func (x *facts) covers(platform string) bool {
	ecosystem, _, _ := strings.Cut(platform, " ")
	return platform != "" && (x.covered[platform] || x.covered[ecosystem])
}

func platformName(p advisory.Platform) string {
	return strings.TrimSpace(p.Ecosystem + " " + p.Release)
}

// coveredBy lists the platforms that any list of advisories speaks of. Lists of packages
// without support are none.
func coveredBy(tx *db.Tx) (map[string]bool, error) {
	dead, err := hidden(tx)
	if err != nil {
		return nil, err
	}
	none, err := numbers(tx, "SELECT a.num FROM advisories_advisory a JOIN advisories_source s ON s.num = a.source WHERE s.form = ?", formSupport)
	if err != nil {
		return nil, err
	}
	slices.Sort(none)
	out := map[string]bool{}
	for ecosystem, branch := "", ""; ; {
		there, err := nextBranch(tx, &ecosystem, &branch)
		if err != nil || !there {
			return out, err
		}
		speaks, err := branchSpeaks(tx, ecosystem, branch, func(v version) bool {
			_, is := slices.BinarySearch(none, v.advisory)
			return !is && !dead[v]
		})
		if err != nil {
			return nil, err
		}
		if speaks {
			out[strings.TrimSpace(ecosystem+" "+branch)] = true
		}
	}
}

// nextBranch goes on to the platform behind one, in the order of the key.
func nextBranch(tx *db.Tx, ecosystem, branch *string) (bool, error) {
	if *ecosystem != "" {
		err := tx.QueryRow("SELECT branch FROM advisories_affected WHERE ecosystem = ? AND branch > ? ORDER BY branch LIMIT 1", *ecosystem, *branch).Scan(branch)
		if muster.KindOf(err) != muster.NotFound {
			return err == nil, err
		}
	}
	err := tx.QueryRow("SELECT ecosystem, branch FROM advisories_affected WHERE ecosystem > ? ORDER BY ecosystem, branch LIMIT 1", *ecosystem).Scan(ecosystem, branch)
	if muster.KindOf(err) == muster.NotFound {
		return false, nil
	}
	return err == nil, err
}

// branchSpeaks reports whether a version that counts speaks of a platform. The first
// nearly always does.
func branchSpeaks(tx *db.Tx, ecosystem, branch string, counts func(version) bool) (speaks bool, err error) {
	for _, limit := range []int{20, 100_000} {
		n := 0
		err := tx.Each("SELECT advisory, born FROM advisories_affected WHERE ecosystem = ? AND branch = ? ORDER BY name, advisory, born LIMIT ?", []any{ecosystem, branch, limit}, func(scan db.Scan) error {
			var v version
			err := scan(&v.advisory, &v.born)
			speaks = speaks || counts(v)
			n++
			return err
		})
		if err != nil || speaks || n < limit {
			return speaks, err
		}
	}
	return speaks, nil
}

// storedLives are those of sources, and the built-in behind them: the first counts.
func (a *Advisories) storedLives(tx *db.Tx) (all advisory.Lives, err error) {
	err = tx.Each("SELECT v.body FROM advisories_version v JOIN advisories_source s ON s.num = v.source WHERE s.form = ? AND v.withdrawn = 0 AND "+current+" ORDER BY s.num, v.advisory", []any{formReleases}, func(scan db.Scan) error {
		var body []byte
		if err := scan(&body); err != nil {
			return err
		}
		d, err := a.read(body)
		if err == nil && d.Life != nil {
			all = append(all, *d.Life)
		}
		return err
	})
	return append(all, advisory.BuiltinLives()...), err
}

// storedScores are those of the source that was imported last; nil: there is none.
func (a *Advisories) storedScores(tx *db.Tx) (*advisory.Scores, error) {
	var plain []byte
	err := tx.Each(`SELECT p.body FROM advisories_score p JOIN advisories_source s ON s.num = p.source AND s.generation = p.generation
		WHERE s.num = (SELECT MAX(num) FROM advisories_source WHERE form = ? AND entries > 0) ORDER BY p.part`, []any{formScores}, func(scan db.Scan) error {
		var body []byte
		if err := scan(&body); err != nil {
			return err
		}
		part, err := a.unpack.DecodeAll(body, nil)
		plain = append(plain, part...)
		return err
	})
	if err != nil || plain == nil {
		return nil, err
	}
	s, err := advisory.DecodeScores(plain)
	if err != nil {
		return nil, muster.Errorf(muster.Internal, "the database holds scores that are damaged: %w", err)
	}
	return s, nil
}

// scoresOf are the scores of advisories, of all where nums is nil, by their names.
func (x *facts) scoresOf(tx *db.Tx, nums []int64) (map[int64]float64, error) {
	out := map[int64]float64{}
	put := func(scan db.Scan) error {
		var num int64
		var name string
		err := scan(&num, &name)
		if score, _ := x.scores.Highest(name); score > out[num] {
			out[num] = score
		}
		return err
	}
	const query = `SELECT n.advisory, n.name FROM advisories_name n JOIN advisories_version v ON v.advisory = n.advisory AND v.born = n.born
		JOIN advisories_source s ON s.num = v.source WHERE ` + current
	if nums == nil {
		return out, tx.Each(query, nil, put)
	}
	for part := range slices.Chunk(nums, someIDs) {
		if err := tx.Each(query+" AND n.advisory IN "+db.In(len(part)), anys(part), put); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// cover has groups counted anew on which nothing is found, where other platforms are
// covered than before: they may be clean now, or not known any more.
func (a *Advisories) cover(ctx context.Context) error {
	was, err := self[string](ctx, a, "covering")
	if err != nil {
		return err
	}
	var x *facts
	err = a.DB.Read(ctx, func(tx *db.Tx) error {
		x, err = a.facts(tx)
		return err
	})
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(strings.Join(sortedKeys(x.covered), "\n")))
	now := hex.EncodeToString(sum[:16])
	if was == now {
		return nil
	}
	return a.write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec("UPDATE advisories_group SET stale = 1 WHERE stale = 0 AND severity < 0"); err != nil {
			return err
		}
		return setSelf(tx, "covering", now)
	})
}
