#!/bin/sh
# What a fleet costs the server, and what it gets: the figures of docs/bench/fleet.md.
#
#	bench/fleet/run.sh [fill|action|rss|restart|closed|open|bytes|search]...     (default: all)
#
# Server and simulated hosts run on this machine, as processes of their own. It needs
# Linux and Go, and for 10,000 hosts 10,200 open files (ulimit -n); for closed also nginx,
# PostgreSQL and MariaDB: what is missing is left out.
#
# The server is filled once, and every part begins with a copy: MUSTER_BENCH_FILLED names
# the folder to keep it in, and one that is there is used again. On two quiet cores the
# whole takes a quarter of an hour, of which four minutes are to fill. A part that takes
# longer than its bound is ended, and its row says so.
#
#	MUSTER_BENCH_HOSTS     10000    hosts; docs/bench/fleet.md has search with 50000
#	MUSTER_BENCH_SECONDS   40       that rss measures
#	MUSTER_BENCH_TURNS     3        of each, whose medians are printed
#
# Output is a table in Markdown. What was measured in each turn is in MUSTER_BENCH_LOGS,
# or where that is not set, on standard error.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
chmod 711 "$work" # PostgreSQL and MariaDB run as users of their own, below it
trap 'rm -rf "$work"' EXIT INT TERM
: "${MUSTER_BENCH_HOSTS:=10000}" "${MUSTER_BENCH_SECONDS:=40}" "${MUSTER_BENCH_TURNS:=3}" "${MUSTER_BENCH_FILLED:=$work/filled}"
export MUSTER_BENCH_HOSTS MUSTER_BENCH_SECONDS MUSTER_BENCH_TURNS MUSTER_BENCH_FILLED TMPDIR="$work"
logs=${MUSTER_BENCH_LOGS:-$work}
mkdir -p "$logs"
go test -c -o "$work/bench" ./cmd/musterd
go build -o "$work/medians" ./bench/fleet
# Where processes share processors by session, this one goes first.
{ echo -20 >/proc/self/autogroup; } 2>/dev/null || true

# bench PART SECONDS BENCHMARK [COUNT]: benchmarks are run in their folder, as go test
# does. One turn after the other prints its own line, whose medians are the row.
bench() {
	(cd cmd/musterd && timeout -k 10 "$2" "$work/bench" -test.run XXX -test.bench "$3" -test.benchtime 1x -test.count "${4:-1}" -test.timeout 1h -test.v) \
		>>"$logs/$1.log" 2>&1 || echo "part $1: $3 failed, or took longer than $2 s" >>"$logs/$1.log"
}

"$work/medians" -head
for part in ${*:-fill action rss restart closed open bytes search}; do
	: >"$logs/$part.log"
	case $part in
	fill) bench fill 900 Fill ;;
	action) bench action 600 Actions ;;
	rss)
		bench rss 900 Connected
		bench rss 300 Bare
		;;
	restart) bench restart 1200 Restarts ;;
	closed) bench closed 600 'CheckIns|Nginx' "$MUSTER_BENCH_TURNS" ;;
	open) bench open 300 Sustained/sqlite ;;
	bytes) bench bytes 400 HostBytes ;;
	search) bench search 300 People ;;
	*)
		echo "there is no part $part" >&2
		exit 2
		;;
	esac
	[ -n "${MUSTER_BENCH_LOGS:-}" ] || cat "$logs/$part.log" >&2
	"$work/medians" "$part" <"$logs/$part.log"
done
