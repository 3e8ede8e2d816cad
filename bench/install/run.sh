#!/bin/sh
# Install the corpus with every candidate, then upgrade it, and compare:
#
#	run.sh DIR [ROUNDS]
#
# DIR is what corpus.sh and pack.sh made, on the disk that is measured. Each
# round runs each candidate once, each into a new empty root, rounds forward
# and backward in turn. Nothing is dropped from the page cache: packages are
# in it for all. $CANDIDATES picks some of them, in this order:
#
#	limit dpkg dpkg-unsafe dpkg-xz rpm pacman tar muster muster-files
#
# Wall time is that of the command and of one sync -f of the root after it, so
# that everything is on the disk for everyone; CPU time and peak memory are of
# the command (the largest of its processes), "out" is what it wrote by its own
# account (ru_oublock) and "disk" what the whole device wrote meanwhile.
#
# The rows are appended to DIR/results.tsv, new for each run; report.sh prints
# them as a table.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || {
	echo "usage: run.sh DIR [ROUNDS]" >&2
	exit 2
}
dir=$(cd "$1" && pwd)
rounds=${2:-3}
bin=$dir/bin
root=$dir/root
results=$dir/results.tsv
names=$(cd "$dir/trees/1" && echo *)
device=$(df --output=source "$dir" | tail -n 1)
device=$(basename "$(readlink -f "$device")")
umask 022

# quiet waits, at most half a minute, for the disk to have nothing to write.
quiet() {
	sync
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		[ "$(awk '/^(Dirty|Writeback):/ { n += $2 } END { print n }' /proc/meminfo)" -gt 20000 ] || return 0
		sleep 2
		sync
	done
}

sectors() { awk -v d="$device" '$3 == d { print $10 }' /proc/diskstats; }

# measure SCENARIO CANDIDATE COMMAND...: one row. What the command says goes
# to DIR/log; a command that fails ends the run.
measure() {
	scenario=$1 candidate=$2
	shift 2
	quiet
	before=$(sectors)
	/usr/bin/time -o "$dir/time" -f '%e %U %S %M %O' "$@" >"$dir/log" 2>&1 || {
		tail -n 20 "$dir/log" >&2
		echo "$candidate failed to $scenario" >&2
		exit 1
	}
	/usr/bin/time -o "$dir/synctime" -f '%e' sync -f "$root"
	{
		printf '%s %s ' "$scenario" "$candidate"
		tr '\n' ' ' <"$dir/time"
		tr '\n' ' ' <"$dir/synctime"
		echo "$((($(sectors) - before) / 2048))"
	} | tr ' ' '\t' >>"$results"
}

# whole fails unless the root has every file of a version.
whole() {
	sed "s|^|$root/|" "$dir/files" | tr '\n' '\0' | xargs -0 ls -dU >/dev/null
	first=$(head -n 1 "$dir/changed")
	cmp "$dir/trees/$1/$first" "$root/${first#./*/root/}"
}

limit() {
	case $1 in
	prepare) ;;
	install) "$bin/limit" write "$dir/limit/1/pack" "$root" ;;
	upgrade) "$bin/limit" change "$dir/limit/1/pack" "$dir/limit/2/pack" "$root" ;;
	esac
}

tar_() {
	case $1 in
	prepare) ;;
	install) untar 1 ;;
	upgrade) untar 2 ;;
	esac
}

untar() {
	for p in "$dir/tar/$1"/*.tar.zst; do tar -C "$root" -x --zstd -f "$p"; done
}

# dpkg syncs every file before it renames it, unless told not to. The machine's
# own settings may say so, or leave documentation away: both are undone.
dpkg_() {
	format=$2 safety=$3
	case $1 in
	prepare)
		mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
		: >"$root/var/lib/dpkg/status"
		: >"$root/var/lib/dpkg/available"
		;;
	*)
		version=1
		[ "$1" = install ] || version=2
		dpkg --root="$root" --log=/dev/null --force-all "$safety" --path-include='*' --no-triggers \
			--unpack "$dir/$format/$version"/*.deb
		;;
	esac
}

# rpm checks the digests of the packages, which nobody signed.
rpm_() {
	case $1 in
	prepare) rpm --root "$root" --dbpath /var/lib/rpm --initdb ;;
	install) rpm --root "$root" --dbpath /var/lib/rpm -i --nodeps --noscripts --nosignature "$dir"/rpm/1/*.rpm ;;
	upgrade) rpm --root "$root" --dbpath /var/lib/rpm -U --nodeps --noscripts --nosignature "$dir"/rpm/2/*.rpm ;;
	esac
}

# pacman checks nothing of unsigned packages.
pacman_() {
	case $1 in
	prepare)
		mkdir -p "$root/var/lib/pacman" "$root/var/cache/pacman"
		printf '[options]\nArchitecture = x86_64\nSigLevel = Never\n' >"$dir/pacman.conf"
		;;
	*)
		version=1
		[ "$1" = install ] || version=2
		LC_ALL=C.UTF-8 pacman --config "$dir/pacman.conf" --root "$root" --dbpath "$root/var/lib/pacman" --cachedir "$root/var/cache/pacman" \
			--hookdir /nonexistent --logfile /dev/null -U --noconfirm --noprogressbar -dd --noscriptlet "$dir/pacman/$version"/*.pkg.tar.zst
		;;
	esac
}

# muster verifies every signature and every byte, and can undo. Its repository
# is a link, which moves on to version 2 before the upgrade.
muster_() {
	case $1 in
	prepare)
		ln -sfn "$dir/repo/1" "$dir/repo/now"
		"$bin/muster" setup --root "$root" --repo "$dir/repo/now" --trust "$dir/keys/ca.crt"
		"$bin/muster" update --root "$root"
		;;
	install)
		if [ "$2" = files ]; then
			"$bin/muster" install --root "$root" --yes "$dir"/mpk/1/*.mpk
		else
			# shellcheck disable=SC2086 # a list of words
			"$bin/muster" install --root "$root" --yes $names
		fi
		;;
	news)
		ln -sfn "$dir/repo/2" "$dir/repo/now"
		"$bin/muster" update --root "$root"
		;;
	upgrade) "$bin/muster" upgrade --root "$root" --yes ;;
	esac
}

# candidate NAME STEP: what run.sh runs, and runs itself to measure.
candidate() {
	case $1 in
	limit) limit "$2" ;;
	dpkg) dpkg_ "$2" deb --no-force-unsafe-io ;;
	dpkg-unsafe) dpkg_ "$2" deb --force-unsafe-io ;;
	dpkg-xz) dpkg_ "$2" debxz --no-force-unsafe-io ;;
	rpm) rpm_ "$2" ;;
	pacman) pacman_ "$2" ;;
	tar) tar_ "$2" ;;
	muster) muster_ "$2" repo ;;
	muster-files) muster_ "$2" files ;;
	*)
		echo "there is no candidate $1" >&2
		exit 2
		;;
	esac
}

round() {
	for c in "$@"; do
		put_aside
		mkdir "$root"
		candidate "$c" prepare >/dev/null
		measure install "$c" "$0" "$dir" step "$c" install
		whole 1
		case $c in
		dpkg-xz | muster-files) continue ;; # as dpkg and muster
		muster) measure update "$c" "$0" "$dir" step "$c" news ;;
		esac
		measure upgrade "$c" "$0" "$dir" step "$c" upgrade
		whole 2
	done
	put_aside
}

# put_aside keeps a root until the end: for minutes after many files were deleted
# ext4 creates files slowly, and the disk is told of every free block.
put_aside() {
	[ ! -e "$root" ] || mv "$root" "$(mktemp -d "$dir/done/XXXXXX")"
}

# A step is a process of its own, so that its children count.
if [ "$rounds" = step ]; then
	candidate "$3" "$4"
	exit
fi
forward=${CANDIDATES:-limit dpkg dpkg-unsafe dpkg-xz rpm pacman tar muster muster-files}
backward=
for c in $forward; do backward="$c $backward"; done
: >"$results"
mkdir -p "$dir/done"
trap 'rm -rf "$dir/done"' EXIT
n=0
while [ "$n" -lt "$rounds" ]; do
	n=$((n + 1))
	echo "round $n of $rounds" >&2
	# shellcheck disable=SC2086 # lists of words
	if [ $((n % 2)) = 1 ]; then round $forward; else round $backward; fi
done
"$here/report.sh" "$results"
