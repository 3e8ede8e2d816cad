package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster"
	"muster/internal/simulate"
	"muster/sign"
)

func (a *app) simulateCommand() *cobra.Command {
	f := &simulate.Fleet{}
	var ca string
	var asJSON bool
	var versions map[string]string
	cmd := &cobra.Command{
		Use:   "simulate --hosts N --token TOKEN [--connected] [--for TIME] URL",
		Short: "Load a server with hosts that do not exist",
		Long: `Enrol hosts that do not exist and have them check in, over the real protocol, then
print rates, latencies and bytes. The token needs as many uses as there are hosts.
Use a server of its own: the hosts stay in its database. They are those of the
seed, with their keys: a second run with the same seed goes on with them.

Without --every the next check-in begins when one ends, which finds the most that
a server can do. With it, latencies count from when a host was due: a server that
is late does not hide behind those whom it kept waiting.

With --connected each host holds a TLS connection of its own and waits on it for
the server's word, as agents do, and carries out the actions of persons whom the
server believes: it waits for a while, and signs a result. Where the server has a repository,
hosts also follow what is rolled out there. 10,000 of them take 10,000 open files on either
side, and some 700 MB here.`,
		Example: `  musterd simulate --hosts 1000 --for 1m --token T --ca /var/lib/musterd/tls/cert.pem https://localhost:8443
  musterd simulate --hosts 10000 --connected --every 15m --ramp 60s --for 5m --token T --ca FILE https://localhost:8443`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.URL = args[0]
			if f.Connected && !cmd.Flags().Changed("every") {
				f.Every = 15 * time.Minute
			}
			var err error
			if f.FailingVersions, err = failing(versions); err != nil {
				return err
			}
			if f.TLS, err = tlsFor(ca); err != nil {
				return err
			}
			return a.simulate(cmd.Context(), f, asJSON)
		},
	}
	fl := cmd.Flags()
	fl.IntVar(&f.Hosts, "hosts", 100, "simulate `N` hosts")
	fl.DurationVar(&f.Ramp, "ramp", 0, "have them come one after the other within `TIME`")
	fl.DurationVar(&f.For, "for", 30*time.Second, "have them check in for `TIME` when all have come; 0 is until you interrupt")
	fl.DurationVar(&f.Every, "every", 0, "one host checks in every `TIME`; 0 is as fast as the server answers, or 15m with --connected")
	fl.Float64Var(&f.Jitter, "jitter", 0.1, "a check-in is early or late by up to that `PART` of --every")
	fl.BoolVar(&f.Connected, "connected", false, "each host holds a connection of its own and waits for news on it")
	fl.IntVar(&f.Parallel, "parallel", 64, "have `N` requests under way at a time, but for hosts that are connected")
	fl.Float64Var(&f.Changes, "changes", 0.02, "`PART` of the check-ins that bring a change of software")
	fl.Float64Var(&f.Failing, "failing", 0, "`PART` of the changes and actions that fail")
	fl.DurationVar(&f.Takes, "takes", 3*time.Second, "an action, or a version that is rolled out, takes `TIME` on average")
	fl.StringToStringVar(&versions, "failing-version", nil, "a version that is rolled out fails on that part of the hosts: `NAME:VERSION=PART`")
	fl.Float64Var(&f.Offline, "offline", 0, "`PART` of the intervals of --every in which a connected host goes offline, for half of one on average")
	fl.StringVar(&f.Template, "template", "mixed", "what the hosts are: windows, debian or mixed")
	fl.StringVar(&f.Token, "token", "", "enrol with `TOKEN`")
	fl.StringVar(&ca, "ca", "", "believe the TLS authority in `FILE`, or with the fingerprint sha256:...")
	fl.Uint64Var(&f.Seed, "seed", 1, "make the fleet of this `NUMBER`")
	fl.BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

// failing reads which versions fail on which part of the hosts.
func failing(versions map[string]string) (map[string]float64, error) {
	all := map[string]float64{}
	for of, text := range versions {
		name, version, ok := strings.Cut(of, ":")
		part, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil {
			return nil, usageError{muster.Errorf(muster.Invalid, "%q=%q is no version that fails: write it as age:1.3-1=0.05", of, text)}
		}
		all[name+"="+version] = part
	}
	return all, nil
}

func (a *app) simulate(ctx context.Context, f *simulate.Fleet, asJSON bool) error {
	r, err := f.Run(ctx)
	if err != nil {
		return err
	}
	if !asJSON {
		err = r.Print(a.out)
	} else {
		e := json.NewEncoder(a.out)
		e.SetIndent("", "  ")
		err = e.Encode(r)
	}
	if err == nil && r.Hosts < f.Hosts {
		err = muster.Errorf(muster.Conflict, "only %d of %d hosts could enrol: %s", r.Hosts, f.Hosts, r.Joining.LastError)
	}
	return err
}

// tlsFor is how to know the server: by an authority in a file, or by its pin.
func tlsFor(ca string) (*tls.Config, error) {
	if ca == "" {
		return nil, nil
	}
	if pin, ok := strings.CutPrefix(ca, "sha256:"); ok {
		return &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(cs tls.ConnectionState) error { return pinned(cs, pin) }}, nil
	}
	data, err := readFile(ca, "a server that is its own authority has it in tls/cert.pem of its data folder; or give its fingerprint, which 'musterd doctor' prints")
	if err != nil {
		return nil, err
	}
	certs, err := sign.ParseCerts(data)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return &tls.Config{RootCAs: pool}, nil
}

// pinned checks that the chain ends in the authority with the fingerprint.
func pinned(cs tls.ConnectionState, pin string) error {
	roots, found := x509.NewCertPool(), false
	for _, c := range cs.PeerCertificates {
		if sign.Fingerprint(c) == strings.ToLower(pin) {
			roots.AddCert(c)
			found = true
		}
	}
	if !found {
		return muster.Errorf(muster.Denied, "the server shows no certificate with that fingerprint")
	}
	_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots})
	return err
}
