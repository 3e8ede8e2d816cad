#!/bin/sh
# What a fleet costs the server, and what it gets: the figures of docs/bench/fleet.md.
#
#	bench/fleet/run.sh [CONNECTED|ACTIONS|PACE|BYTES|PEOPLE]...     (default: all)
#
# Server and simulated hosts run on this machine, as processes of their own, and take
# two hours on two cores. It needs Linux and Go, for 10,000 hosts 10,200 open files
# (ulimit -n), and PostgreSQL, MariaDB and nginx for PACE: what is missing is left out.
# MUSTER_BENCH_HOSTS (10000), MUSTER_BENCH_SECONDS (180) and MUSTER_BENCH_TURNS (3) say
# for how many hosts, how long and how often; PEOPLE has five times as many hosts.
# Each line of the output is of one turn; the document has their medians.
set -eu
cd "$(dirname "$0")/../.."
hosts=${MUSTER_BENCH_HOSTS:-10000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go test -c -o "$work/bench" ./cmd/musterd
# Where processes share processors by session, this one goes first.
{ echo -20 >/proc/self/autogroup; } 2>/dev/null || true

# bench NAME [TURNS]: benchmarks are run in their folder, as go test does.
bench() {
	(cd cmd/musterd && "$work/bench" -test.run XXX -test.bench "$1" -test.benchtime 1x -test.count "${2:-1}" -test.timeout 4h -test.v)
}

for part in ${*:-CONNECTED ACTIONS PACE BYTES PEOPLE}; do
	echo "== $part, $(uptime)"
	case $part in
	CONNECTED) bench Connected ;;
	ACTIONS) bench Actions ;;
	PACE)
		bench Sustained
		bench 'CheckIns|Nginx' "${MUSTER_BENCH_TURNS:-3}"
		;;
	BYTES) bench HostBytes "${MUSTER_BENCH_TURNS:-3}" ;;
	PEOPLE) MUSTER_BENCH_HOSTS=$((hosts * 5)) bench People ;;
	*)
		echo "there is no part $part" >&2
		exit 2
		;;
	esac
done
