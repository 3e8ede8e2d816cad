package mailer

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
	"time"

	"muster/api"
	"muster/internal/report"
)

// maxAttachment bounds what is sent, in bytes before it is encoded: much larger mails
// are refused by many servers. rowsTold is how many rows the text of a mail has.
const (
	maxAttachment = 5 << 20
	rowsTold      = 40
)

// compose writes a message (RFC 5322, MIME): the first rows as text, and all of them as
// a file.
func (m *Mailer) compose(j *job, r *report.Report) ([]byte, error) {
	file, err := bounded(r, j.Format)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	parts := multipart.NewWriter(&out)
	title := j.Title
	if title == "" {
		title = r.Title
	}
	head := []string{
		"From: " + m.From,
		"To: " + strings.Join(j.To, ", "),
		"Subject: " + mime.QEncoding.Encode("utf-8", api.Legible(m.Name+": "+title)),
		"Date: " + m.Now().UTC().Format(time.RFC1123Z),
		// The same of every attempt, so that who gets it twice can tell.
		fmt.Sprintf("Message-ID: <%s.%d@%s>", j.ID, j.Next, m.Server),
		"Auto-Submitted: auto-generated", // RFC 3834: no answers from machines
		"MIME-Version: 1.0",
		"Content-Type: multipart/mixed; boundary=" + parts.Boundary(),
	}
	text := new(bytes.Buffer)
	text.WriteString(strings.Join(head, "\r\n") + "\r\n\r\n")
	if err := textPart(parts, m.text(j, r)); err != nil {
		return nil, err
	}
	if err := filePart(parts, r.Kind+"."+j.Format, j.Format, file); err != nil {
		return nil, err
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	text.Write(out.Bytes())
	return text.Bytes(), nil
}

// bounded is the report as a file: of one that is too large the first rows.
func bounded(r *report.Report, format string) ([]byte, error) {
	for {
		print := r.CSV
		if format == "json" {
			print = r.JSON
		}
		data, err := print()
		if err != nil || len(data) <= maxAttachment || len(r.Rows) == 0 {
			return data, err
		}
		r.Rows, r.More = r.Rows[:len(r.Rows)/2], true
	}
}

// text is the report for who reads mail.
func (m *Mailer) text(j *job, r *report.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s UTC\n", r.Title, time.Unix(r.Made, 0).UTC().Format("2006-01-02 15:04"))
	if r.Query != "" {
		fmt.Fprintf(&b, "Hosts: %s\n", api.Legible(r.Query))
	}
	more := ""
	if r.More {
		more = ", and there are more"
	}
	if j.Site != "" {
		fmt.Fprintf(&b, "Site: %s\n", api.Legible(j.Site))
	}
	fmt.Fprintf(&b, "%d rows%s\n\n", len(r.Rows), more)
	b.WriteString(strings.Join(r.Columns, " | ") + "\n")
	for _, row := range r.Rows[:min(rowsTold, len(r.Rows))] {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = api.Legible(c)
		}
		b.WriteString(strings.Join(cells, " | ") + "\n")
	}
	if len(r.Rows) > rowsTold {
		b.WriteString("...\n")
	}
	fmt.Fprintf(&b, "\nThis is what %s may see on %s. It comes %s; 'muster reports unschedule %s' ends it.\n", api.Legible(j.Owner), api.Legible(m.Name), j.Every, j.ID)
	return b.String()
}

func textPart(parts *multipart.Writer, text string) error {
	w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {"text/plain; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}})
	if err != nil {
		return err
	}
	q := quotedprintable.NewWriter(w)
	if _, err := q.Write([]byte(text)); err != nil {
		return err
	}
	return q.Close()
}

// filePart writes base64 in lines of 76 characters (RFC 2045).
func filePart(parts *multipart.Writer, name, format string, data []byte) error {
	kind := map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json"}[format]
	w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {kind}, "Content-Transfer-Encoding": {"base64"},
		"Content-Disposition": {`attachment; filename="` + name + `"`}})
	if err != nil {
		return err
	}
	text := base64.StdEncoding.EncodeToString(data)
	for len(text) > 0 {
		n := min(76, len(text))
		if _, err := w.Write([]byte(text[:n] + "\r\n")); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}
