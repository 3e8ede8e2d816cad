package mailer

import (
	"time"

	"muster"
	"muster/api"
	"muster/internal/report"
)

func checkTimes(in *api.ReportScheduleNew) error {
	if in.Hour < 0 || in.Hour > 23 {
		return muster.WithField(muster.Errorf(muster.Invalid, "%d is no hour of a day", in.Hour), "/hour")
	}
	switch in.Every {
	case api.Hourly:
		// What is made of all hosts is too much for each hour; of news there is mostly nothing.
		if k, err := report.Find(in.Report); err != nil || !k.News {
			return muster.WithField(muster.Errorf(muster.Invalid, "report %.50q is not sent hourly: only advisories are", in.Report), "/every")
		}
		in.Day, in.Hour = 0, 0
	case api.Daily:
		in.Day = 0
	case api.Weekly:
		if in.Day < 1 || in.Day > 7 {
			return muster.WithField(muster.Errorf(muster.Invalid, "%d is no day of a week: 1 is Monday, 7 Sunday", in.Day), "/day")
		}
	case api.Monthly:
		if in.Day < 1 || in.Day > 28 {
			return muster.WithField(muster.Errorf(muster.Invalid, "%d is no day that every month has: 1 to 28", in.Day), "/day")
		}
	default:
		return muster.WithField(muster.Errorf(muster.Invalid, "%.20q is none of hourly, daily, weekly and monthly", in.Every), "/every")
	}
	return nil
}

// next is the first time after t at which a report is due. All times are UTC, which has
// no hour twice or never.
func next(in *api.ReportScheduleNew, t time.Time) time.Time {
	t = t.UTC()
	if in.Every == api.Hourly {
		return t.Truncate(time.Hour).Add(time.Hour)
	}
	at := time.Date(t.Year(), t.Month(), t.Day(), in.Hour, 0, 0, 0, time.UTC)
	for range 40 {
		if at.After(t) && falls(in, at) {
			return at
		}
		at = at.AddDate(0, 0, 1)
	}
	return at
}

// falls reports whether a report is due on that day.
func falls(in *api.ReportScheduleNew, at time.Time) bool {
	switch in.Every {
	case api.Weekly:
		return (int(at.Weekday())+6)%7+1 == in.Day
	case api.Monthly:
		return at.Day() == in.Day
	}
	return true
}
