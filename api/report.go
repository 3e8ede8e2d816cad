package api

import (
	"context"
	"net/http"
)

// Routes of reports by mail. {id} is that of a schedule.
const (
	RouteReportSchedules = "/api/v1/reports/schedules"      // GET -> [ReportSchedulePage], POST [ReportScheduleNew] -> [ReportSchedule], person
	RouteReportSchedule  = "/api/v1/reports/schedules/{id}" // DELETE, person
)

// How often a report comes.
const (
	Hourly  = "hourly" // of advisories alone
	Daily   = "daily"
	Weekly  = "weekly"
	Monthly = "monthly"
)

// ReportScheduleNew has a report sent by mail, with what its owner may see at that time.
type ReportScheduleNew struct {
	Report   string   `json:"report"`          // fleet, patches, versions, software, failures, silent, changes, advisories
	Title    string   `json:"title,omitempty"` // subject of the mail; "" is that of the report
	Query    string   `json:"query,omitempty"` // hosts, in the language of package search
	Software string   `json:"software,omitempty"`
	Site     string   `json:"site,omitempty"`   // of advisories; "" is all that the owner may see
	Days     int      `json:"days,omitempty"`   // of failures, silent and changes; 0 is 7
	Format   string   `json:"format,omitempty"` // csv, where it is "", or json
	Every    string   `json:"every"`            // hourly, daily, weekly, monthly
	Day      int      `json:"day,omitempty"`    // of a week from 1, Monday, to 7; of a month to 28
	Hour     int      `json:"hour"`             // UTC
	To       []string `json:"to"`               // addresses
}

// A ReportSchedule is when a report is sent, and how that went.
type ReportSchedule struct {
	ID string `json:"id"`
	ReportScheduleNew
	Owner   string `json:"owner"`
	Created int64  `json:"created"`
	Next    int64  `json:"next"`
	Sent    int64  `json:"sent,omitempty"` // the newest
	// Failing is since when none could be sent, for Reason; Tries counts attempts of the
	// one that is due.
	Failing int64  `json:"failing,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Tries   int    `json:"tries,omitempty"`
}

// ReportSchedulePage lists schedules.
type ReportSchedulePage struct {
	Schedules []ReportSchedule `json:"schedules"`
}

// ReportSchedules lists one's own reports by mail or, for who administers, those of
// everybody.
func (p *PersonClient) ReportSchedules(ctx context.Context) (out ReportSchedulePage, err error) {
	err = p.get(ctx, RouteReportSchedules, nil, &out)
	return out, err
}

// ScheduleReport has a report sent by mail.
func (p *PersonClient) ScheduleReport(ctx context.Context, in ReportScheduleNew) (out ReportSchedule, err error) {
	err = p.send(ctx, http.MethodPost, RouteReportSchedules, in, &out)
	return out, err
}

// UnscheduleReport ends a report by mail.
func (p *PersonClient) UnscheduleReport(ctx context.Context, id string) error {
	return p.send(ctx, http.MethodDelete, at(RouteReportSchedule, id), nil, nil)
}

// AdvisoryRecent is a serious advisory that came to a site, with the hosts that have it now.
type AdvisoryRecent struct {
	Advisory Advisory `json:"advisory"` // its severity is that at the site
	Site     string   `json:"site"`
	Hosts    int64    `json:"hosts"`
	Names    []string `json:"names"`           // of the first of them
	Packages []string `json:"packages"`        // that are concerned, each with its version
	Fixed    []string `json:"fixed,omitempty"` // versions without it
}
