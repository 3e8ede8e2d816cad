#!/bin/sh
# CPU seconds of each package's tests, with those of all programs that they start, also of
# database servers, for which nobody waits:
#
#	MUSTER_CPU=/tmp/cpu go test -p 1 -count=1 -exec "$PWD/bench/tests/cpu.sh" ./...
#	sort -rn /tmp/cpu
#
# Each line is: CPU seconds, seconds, exit code, package. As root it counts in a control
# group; else it counts the programs that their parents waited for.
set -u
group=
for base in /sys/fs/cgroup/cpuacct /sys/fs/cgroup; do
	mine=$base/muster-cpu-$$
	mkdir "$mine" 2>/dev/null || continue
	if [ -f "$mine/cpuacct.usage" ] || [ -f "$mine/cpu.stat" ]; then
		group=$mine
		break
	fi
	rmdir "$mine"
done

used() { # microseconds
	if [ -z "$group" ]; then
		awk '{print int(1000000 * $1)}' "$spent"
	elif [ -f "$group/cpuacct.usage" ]; then
		echo $(($(cat "$group/cpuacct.usage") / 1000))
	else
		sed -n 's/^usage_usec //p' "$group/cpu.stat"
	fi
}

begun=$(date +%s%N)
spent=
if [ -n "$group" ]; then
	sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$@"
	code=$?
	for try in 1 2 3 4 5 6 7 8 9 10; do # its servers end a moment later
		[ -n "$(cat "$group/cgroup.procs")" ] || break
		sleep 0.2
	done
else
	spent=$(mktemp)
	bash -c 'TIMEFORMAT="%U %S"; { time "${@:2}" 2>&3; } 3>&2 2>"$1.time"; code=$?
		awk "{print \$1 + \$2}" "$1.time" >"$1"; rm -f "$1.time"; exit $code' bash "$spent" "$@"
	code=$?
fi
took=$((($(date +%s%N) - begun) / 1000000))
package=$(go list . 2>/dev/null || basename "$1")
printf '%6.1f %6.1f %d %s\n' "$(used)e-6" "${took}e-3" "$code" "$package" >>"${MUSTER_CPU:-/dev/stderr}"
[ -z "$group" ] || rmdir "$group" 2>/dev/null
[ -z "$spent" ] || rm -f "$spent"
exit "$code"
