package api

// Routes of hosts that report without an agent.
const (
	RouteReports    = "/api/v1/reports"             // POST a report, sealed or not: docs/formats/report.md
	RouteReportCert = "/api/v1/reports/certificate" // GET the certificate that reports are sealed to, PEM
)
