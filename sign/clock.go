package sign

import "time"

// MinBuildTime is before this program could have been built, so that a clock
// that shows an earlier time is wrong. It moves with releases.
var MinBuildTime = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

// MaxAhead is how far after now a claimed time may lie: clocks and zones that
// are set wrong, but no freeze by a date years ahead.
const MaxAhead = 24 * time.Hour

// Floor corrects a clock that is behind: the latest of now, [MinBuildTime] and
// the times seen in verified messages, such as the newest head. What it
// returns belongs into [Policy.Now]. A clock that is ahead is not corrected.
func Floor(now time.Time, seen ...time.Time) time.Time {
	floor := now
	for _, t := range append(seen, MinBuildTime) {
		if t.After(floor) {
			floor = t
		}
	}
	return floor
}
