package cli

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"muster"
)

// open opens a file that somebody named; hint is what to type where there is none.
func open(name, hint string) (*os.File, error) {
	f, err := os.Open(filepath.Clean(name))
	return f, fileError(err, hint)
}

// fileError gives an error of a file that somebody named its kind, and where there is no
// such file a hint how one comes about.
func fileError(err error, hint string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return muster.WithHint(muster.WithKind(muster.NotFound, err), "%s", hint)
	}
	return muster.WithKind(muster.Unavailable, err)
}

// readBounded reads a file that is not longer than it may be.
func readBounded(name string, most int64, hint string) ([]byte, error) {
	info, err := os.Stat(filepath.Clean(name))
	if err != nil {
		return nil, fileError(err, hint)
	}
	if info.Size() > most {
		return nil, muster.Errorf(muster.Invalid, "file %q has %s, more than %s", name, size(info.Size()), size(most))
	}
	data, err := os.ReadFile(filepath.Clean(name))
	return data, fileError(err, hint)
}

// The hints for files of several verbs.
const (
	packageHint    = "'muster build DIR' writes a package; installed ones are in 'muster list', those of a repository in 'muster repo list'"
	trustHint      = "name the certificate of whom you trust, as ca.crt of 'muster ca init', or a folder of them"
	reportHint     = "'muster-report --print > FILE' on the host writes a report"
	listHint       = "a name without .yaml is a list of the server ('muster reference list'); docs/reference-versions.md shows how one is written"
	indexHint      = "fetch the index of the repository first: docs/reference-versions.md"
	advisoriesHint = "fetch it first; docs/advisories.md has the address of each publisher's list: curl -o tracker.json https://security-tracker.debian.org/tracker/data/json"
	ignoresHint    = "docs/formats/advisories.md shows how it is written"
	certHint       = "it is a certificate in PEM; 'muster key new --name NAME --out BASE' makes one with its key"
	ringsHint      = "docs/formats/rollout.md shows how rings are written; without --rings they are 1, 10, 50 and 100 %"
	exportHint     = "'muster auditlog export FILE' writes one"
)

// listenAt opens the address of a web server that runs until it is interrupted.
func listenAt(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, muster.WithHint(muster.Errorf(muster.Unavailable, "cannot start the web server: %w", err), "--listen 127.0.0.1:0 takes a port that is free")
	}
	return l, nil
}
