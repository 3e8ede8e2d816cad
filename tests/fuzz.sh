#!/bin/sh
# Run every fuzz target for so long, one after the other:
#
#	tests/fuzz.sh SECONDS [PATTERN]
#
# PATTERN, an extended regular expression, chooses among lines such as
# "muster/index FuzzHead". What a target finds lies in testdata/fuzz of its
# package; the exit code says whether there was anything. TMPDIR in memory helps
# those that write files.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:?usage: tests/fuzz.sh SECONDS [PATTERN]}
pattern=${2:-.}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A package that cannot be listed must not pass for one in which nothing is found.
go list ./... >"$work/packages"
while read -r package; do
	go test -list '^Fuzz' "$package" >"$work/names" </dev/null
	sed -n "s|^Fuzz|$package Fuzz|p" "$work/names"
done <"$work/packages" >"$work/targets"

ran=0 failed=0
while read -r package target; do
	printf '%s %s\n' "$package" "$target" | grep -Eq "$pattern" || continue
	ran=$((ran + 1))
	if nice go test -run '^$' -fuzz "^$target\$" -fuzztime "${seconds}s" -fuzzminimizetime 10x "$package" >"$work/log" 2>&1 </dev/null; then
		result=passed
	elif grep -q 'context deadline exceeded' "$work/log" && ! grep -q 'Failing input' "$work/log"; then
		result='passed (stopped within an input)'
	else
		result=FAILED failed=$((failed + 1))
		grep -v '^fuzz: elapsed' "$work/log"
	fi
	speed=$(sed -n 's/^fuzz: elapsed: .*\(execs: [0-9]*\).*/\1/p' "$work/log" | tail -n 1)
	echo "$package $target: $result, ${speed:-no inputs}"
done <"$work/targets"
echo "$ran targets, $failed failed"
[ "$ran" -gt 0 ] && [ "$failed" = 0 ]
