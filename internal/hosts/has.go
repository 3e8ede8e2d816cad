package hosts

import "muster/internal/db"

// haveSoftware keeps hosts_has, the counts with it. An item in both lists has
// another time, and is had before and after.
func haveSoftware(tx *db.Tx, host int64, added, removed []item) error {
	gained, lost := diffNums(added, removed)
	rows := make([][]any, len(gained))
	for i, n := range gained {
		rows[i] = []any{n, host}
	}
	if err := tx.Insert("hosts_has", []string{"software", "host"}, rows); err != nil {
		return err
	}
	if err := inChunks(gained, func(in string, nums []any) error {
		_, err := tx.Exec("UPDATE hosts_count SET hosts = hosts + 1 WHERE software IN "+in, nums...)
		return err
	}); err != nil {
		return err
	}
	return inChunks(lost, func(in string, nums []any) error {
		if _, err := tx.Exec("UPDATE hosts_count SET hosts = hosts - 1 WHERE software IN "+in, nums...); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM hosts_has WHERE software IN "+in+" AND host = ?", append(nums, host)...)
		return err
	})
}

// diffNums leaves out the numbers that both sorted lists have.
func diffNums(added, removed []item) (gained, lost []any) {
	both := map[int64]bool{}
	for _, i := range removed {
		both[i.software] = true
	}
	for _, i := range added {
		if both[i.software] {
			delete(both, i.software)
			continue
		}
		gained = append(gained, i.software)
	}
	for _, i := range removed {
		if both[i.software] {
			lost = append(lost, i.software)
		}
	}
	return gained, lost
}

// inChunks calls f with as many values as one IN takes.
func inChunks(nums []any, f func(in string, nums []any) error) error {
	for len(nums) > 0 {
		n := min(len(nums), chunk)
		if err := f(db.In(n), nums[:n:n]); err != nil {
			return err
		}
		nums = nums[n:]
	}
	return nil
}
