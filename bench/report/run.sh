#!/bin/sh
# Measures what a report costs a host: muster-report beside shell, on the packages of
# this machine. Prints a table for docs/bench/report.md.
#
#	bench/report/run.sh [RUNS]
#
# Needs Debian (dpkg-query), openssl, gzip, perl.
set -eu
runs=${1:-21}
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CGO_ENABLED=0
mkdir "$work/bin"
go build -C "$here" -o "$work/bin/" ./bench/measure
go build -C "$here" -trimpath -ldflags '-s -w' -o "$work/bin/" ./cmd/muster-report
openssl req -x509 -newkey rsa:3072 -nodes -subj /CN=collector -days 30 -keyout "$work/key" -out "$work/rsa.crt" 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=collector -days 30 -keyout "$work/key" -out "$work/ec.crt" 2>/dev/null
# What a client sends that knows name, version and architecture alone.
cat >"$work/list" <<'END'
dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n' | awk '$1 == "installed"' | LC_ALL=C sort
END
cat >"$work/seal" <<END
sh $work/list | openssl smime -encrypt -binary -aes-256-cbc -outform DER -out $work/out $work/rsa.crt
END
cat >"$work/contest" <<END
print what is installed | muster-report --print | true | $work/bin/muster-report --print
print what is installed | dpkg-query, awk and sort: name, version and architecture alone | true | sh $work/list
print what is installed | report.sh: the same report | true | env OUT=- sh $here/docs/report.sh
seal it to RSA-3072 | muster-report --out | true | $work/bin/muster-report --out $work/out --cert $work/rsa.crt
seal it to RSA-3072 | dpkg-query, awk, sort and openssl smime -encrypt: CBC, not compressed | true | sh $work/seal
seal it to RSA-3072 | report.sh: the same report | true | env OUT=$work/out CERT=$work/rsa.crt sh $here/docs/report.sh
seal it to P-256 | muster-report --out | true | $work/bin/muster-report --out $work/out --cert $work/ec.crt
seal it to P-256 | report.sh: the same report | true | env OUT=$work/out CERT=$work/ec.crt sh $here/docs/report.sh
END
"$work/bin/measure" -runs "$runs" "$work/contest"
echo
"$work/bin/muster-report" --print >"$work/plain"
"$work/bin/muster-report" --out "$work/gz"
"$work/bin/muster-report" --out "$work/sealed" --cert "$work/ec.crt"
"$work/bin/muster-report" --out "$work/sealedrsa" --cert "$work/rsa.crt"
sed '1,/^$/d' "$work/plain" | wc -l | sed 's/^/packages: /'
wc -c "$work/plain" "$work/gz" "$work/sealed" "$work/sealedrsa" "$work/bin/muster-report" | sed "s|$work/||"
