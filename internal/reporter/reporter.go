// Package reporter is the program muster-report: it tells the collector of a site
// what packages a host has.
//
// [Main] is the program. A run goes through these steps, one file each: options and
// their file, collect what the host has (internal/collect), make a report of it
// (sitereport), prove who reports, compress and seal it (sign), send it, and keep
// what cannot be sent now in a spool.
//
// It needs no root and no state. The spool is a folder that is made when something
// has to wait; a report in it is the bytes that go over the wire, so that it arrives
// once however often it is sent: docs/formats/report.md.
//
// Exit codes: 0 sent, 1 failed, 2 wrong use, 75 kept for later.
package reporter

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"muster"
	"muster/internal/durable"
	"muster/sitereport"
)

// Version is the version of this program; the build may set it.
var Version = "dev"

// Exit codes. 75 is EX_TEMPFAIL of sysexits(3).
const (
	exitFailed = 1
	exitUsage  = 2
	exitKept   = 75
)

// A reporter is one run of the program, with what tests replace.
type reporter struct {
	opts     options
	out, err io.Writer
	now      func() time.Time
	wait     func(context.Context, time.Duration) error
	jitter   func(time.Duration) time.Duration // a random part of it
	disk     *durable.Disk
}

// Main runs the program and returns its exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r := &reporter{out: stdout, err: stderr, now: time.Now, wait: wait, jitter: jitter}
	return r.main(ctx, args)
}

func (r *reporter) main(ctx context.Context, args []string) int {
	err := r.opts.parse(args)
	if err == nil {
		err = r.run(ctx)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(r.err, "muster-report: %v\n", err)
	if hint := muster.HintOf(err); hint != "" {
		fmt.Fprintf(r.err, "hint: %s\n", hint)
	}
	switch {
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, errKept):
		return exitKept
	}
	return exitFailed
}

// errKept is that a report waits in the spool.
var errKept = errors.New("kept for later")

func (r *reporter) run(ctx context.Context) error {
	switch o := &r.opts; {
	case o.help:
		_, err := io.WriteString(r.out, help)
		return err
	case o.version:
		_, err := fmt.Fprintf(r.out, "muster-report %s %s\n", Version, muster.ThisPlatform())
		return err
	case o.cron != "":
		return r.printCron()
	}
	if err := r.opts.check(); err != nil {
		return err
	}
	report, err := r.collect(ctx)
	if err != nil {
		return err
	}
	text, err := r.prove(report)
	if err != nil {
		return err
	}
	switch {
	case r.opts.print:
		_, err := r.out.Write(text.clear)
		return err
	case r.opts.file == "-":
		_, err := r.out.Write(text.body)
		return err
	case r.opts.file != "":
		if err := r.disk.WriteFile(r.opts.file, text.body, 0o600); err != nil {
			return fmt.Errorf("cannot write the report: %w", err)
		}
		return nil
	}
	if r.opts.mode.Answers() && r.opts.url.Scheme != "https" {
		r.warn("findings are told over https only")
	}
	return r.deliver(ctx, report, text)
}

// newNonce names a report.
func newNonce() string {
	b := make([]byte, 16)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func jitter(d time.Duration) time.Duration { return mathrand.N(d + 1) }

// nameOf is the file of a report in the spool: sorted by name, they are by age.
func nameOf(r *sitereport.Report) string {
	return fmt.Sprintf("%011d-%s%s", r.Time, r.Nonce, suffix)
}
