package reporter

import (
	"encoding/json"
	"fmt"
	"strings"

	"muster/sitereport"
)

// A result is what --json prints.
type result struct {
	Status   string    `json:"status"` // sent, kept there, known there, spooled here, failed
	Host     string    `json:"host"`
	Site     string    `json:"site,omitempty"`
	Packages int       `json:"packages"`
	Set      string    `json:"set"`   // SHA-256 of the packages
	Nonce    string    `json:"nonce"` // names the report
	Bytes    int       `json:"bytes"` // that went over the wire
	Findings []finding `json:"findings,omitempty"`
	Error    string    `json:"error,omitempty"`
}

// A finding is something that is published against a package of this host.
type finding struct {
	Package  string `json:"package"`
	Version  string `json:"version"`
	Arch     string `json:"arch,omitempty"`
	Advisory string `json:"advisory"`
	Severity string `json:"severity"`
	Fixed    string `json:"fixed,omitempty"`
}

// show tells what became of the report: nothing where all is well and nobody asked,
// since cron mails whatever is printed.
func (r *reporter) show(report *sitereport.Report, d *delivery, failed error) error {
	if r.opts.json {
		return r.showJSON(report, d, failed)
	}
	if failed != nil {
		return nil
	}
	if r.opts.verbose {
		fmt.Fprintf(r.err, "muster-report: %s: %d packages of %s, %d bytes\n", d.out.status, len(report.Packages), report.Host, len(d.body))
	}
	for _, f := range d.out.found {
		line := strings.TrimRight(strings.Join([]string{f.Name, f.Version, f.Arch, f.ID, f.Tag, f.Fixed}, "\t"), "\t")
		if _, err := fmt.Fprintln(r.out, line); err != nil {
			return err
		}
	}
	return nil
}

func (r *reporter) showJSON(report *sitereport.Report, d *delivery, failed error) error {
	out := result{
		Status: d.out.status, Host: report.Host, Site: report.Site, Packages: len(report.Packages),
		Set: fmt.Sprintf("%x", report.SetHash()), Nonce: report.Nonce, Bytes: len(d.body),
	}
	if failed != nil {
		out.Status, out.Error = "failed", failed.Error()
	}
	if failed != nil && d.kept {
		out.Status = "spooled"
	}
	for _, f := range d.out.found {
		out.Findings = append(out.Findings, finding{f.Name, f.Version, f.Arch, f.ID, f.Tag, f.Fixed})
	}
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.out, "%s\n", data)
	return err
}
