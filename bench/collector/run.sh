#!/bin/sh
# What reports of sites cost: the figures of docs/bench/collector.md.
#
#	bench/collector/run.sh [reports|year|model]...     (default: all)
#
# reports: sealed reports of 2,000 packages a second on each engine, beside the bare cost of
# opening them, in one run; it needs PostgreSQL and MariaDB, and leaves out what is missing.
# year: hosts report once a day for a year, and what a host takes in SQLite for that.
# model: 2,000 hosts of 800 packages for 90 days. Reporters and servers share this machine.
#
#	MUSTER_BENCH_REPORTS   2000     of each benchmark
#	MUSTER_BENCH_TURNS     3        of reports, one after the other
#	MUSTER_BENCH_HOSTS     500      of year
set -eu
cd "$(dirname "$0")/../.."
: "${MUSTER_BENCH_REPORTS:=2000}" "${MUSTER_BENCH_TURNS:=3}" "${MUSTER_BENCH_HOSTS:=500}"
export MUSTER_BENCH_REPORTS
work=$(mktemp -d)
chmod 711 "$work" # PostgreSQL and MariaDB run as users of their own, below it
trap 'rm -rf "$work"' EXIT INT TERM
export TMPDIR="$work" CGO_ENABLED=0

# bench PACKAGE BENCHMARK COUNT: benchmarks are run in their folder, as go test does.
bench() {
	[ -x "$work/$(basename "$1")" ] || go test -c -o "$work/$(basename "$1")" "./$1"
	(cd "$1" && "$work/$(basename "$1")" -test.run XXX -test.bench "$2" -test.benchtime 1x -test.count "$3" -test.timeout 3h | grep Benchmark)
}

for part in ${*:-reports year model}; do
	case $part in
	reports) bench cmd/musterd Reports "$MUSTER_BENCH_TURNS" ;;
	year) MUSTER_BENCH_DAYS=365 MUSTER_BENCH_PACKAGES=800 MUSTER_BENCH_HOSTS=$MUSTER_BENCH_HOSTS bench internal/sites Year 1 ;;
	model) MUSTER_BENCH_DAYS=90 MUSTER_BENCH_PACKAGES=800 MUSTER_BENCH_HOSTS=2000 bench internal/sites Year 1 ;;
	*)
		echo "there is no part $part" >&2
		exit 2
		;;
	esac
done
