#!/bin/sh
# Print the rows of run.sh as tables, medians of the rounds:  report.sh RESULTS
#
# A row is: scenario, candidate, seconds of wall, user and system time, peak
# kB, 512-byte blocks written, seconds of the sync after it, MB that the device
# wrote.
set -eu
[ $# = 1 ] || {
	echo "usage: report.sh RESULTS" >&2
	exit 2
}
awk -F '\t' '
function add(key, v) { data[key] = data[key] " " v }
function sorted(key, a,   n, i, j, t) {
	n = split(data[key], a, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && a[j] + 0 < a[j-1] + 0; j--) { t = a[j]; a[j] = a[j-1]; a[j-1] = t }
	return n
}
function median(key,   a, n) {
	n = sorted(key, a)
	return n % 2 ? a[(n+1)/2] : (a[n/2] + a[n/2+1]) / 2
}
function spread(key,   a, n) { n = sorted(key, a); return sprintf("%.1f-%.1f", a[1], a[n]) }
function ratio(x, y) { return y > 0 ? sprintf("%.2f", x / y) : "" }
{
	k = $1 SUBSEP $2
	if (!(k in rounds)) { order[++kinds] = k }
	if (!($1 in seen)) { seen[$1] = ++scenarios; scenario[scenarios] = $1 }
	rounds[k]++
	add(k SUBSEP "total", $3 + $8); add(k SUBSEP "sync", $8); add(k SUBSEP "cpu", $4 + $5)
	add(k SUBSEP "rss", $6 / 1024); add(k SUBSEP "out", $7 / 2048); add(k SUBSEP "disk", $9)
}
END {
	for (s = 1; s <= scenarios; s++) {
		name = scenario[s]
		lim = median(name SUBSEP "limit" SUBSEP "total"); us = median(name SUBSEP "muster" SUBSEP "total")
		limcpu = median(name SUBSEP "limit" SUBSEP "cpu")
		printf "\n### %s\n\n| candidate | rounds | wall s | min-max | of which sync | CPU s | peak MB | out MB | disk MB | wall / limit | CPU / limit | wall / muster |\n", name
		print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
		for (i = 1; i <= kinds; i++) {
			k = order[i]
			split(k, part, SUBSEP)
			if (part[1] != name) continue
			t = median(k SUBSEP "total"); c = median(k SUBSEP "cpu")
			printf "| %s | %d | %.2f | %s | %.2f | %.2f | %.0f | %.0f | %.0f | %s | %s | %s |\n", part[2], rounds[k], t,
				spread(k SUBSEP "total"), median(k SUBSEP "sync"), c, median(k SUBSEP "rss"), median(k SUBSEP "out"),
				median(k SUBSEP "disk"), ratio(t, lim), ratio(c, limcpu), ratio(t, us)
		}
	}
}' "$1"
