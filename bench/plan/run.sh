#!/bin/sh
# Compares planning with apt, in one run on one machine, and prints a table of
# medians. It needs Linux, Debian's lists ("apt-get update") and Go.
#
#	bench/plan/run.sh [RUNS]
#
# apt and muster read the same lists, and nothing is installed but what a status
# file says. "cold" is without apt's binary cache, for muster from the text that
# Debian publishes; "warm" is with that cache, for muster from the index that a
# root keeps. All are whole processes, and muster proves every plan besides.
set -eu
runs=${1:-5}
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir "$work/bin" "$work/root"
go build -C "$here" -o "$work/bin/" ./bench/plan ./bench/debian ./bench/measure ./cmd/muster
cd "$work"
PATH=$work/bin:$PATH
export LC_ALL=C

desktop="gnome libreoffice texlive-full"
: >nothing
common="-o Dir::Cache=$work -o APT::Architecture=amd64 -o APT::Architectures=amd64"
# shellcheck disable=SC2086 # lists of words, here and below
lists=$(apt-get $common indextargets --format '$(FILENAME)' 'Identifier: Packages')
# shellcheck disable=SC2086
/usr/lib/apt/apt-helper cat-file $lists >Packages
# shellcheck disable=SC2086
debian status 300 Packages $desktop >status
debian repo repo Packages
muster setup --root root --repo "$work/repo" --trust repo.crt >setup.log 2>&1
muster update --root root >>setup.log
index=$work/root/var/lib/muster/repos/debian/index

# apt STATUS CACHE: the beginning of a command. CACHE is a name, or nothing.
apt() {
	echo "apt-get $common -o Dir::State::status=$work/$1 -o Dir::Cache::pkgcache=$2" \
		"-o Dir::Cache::srcpkgcache=${2:+src$2} -s --no-install-recommends"
}

cat >cases <<END
one package, warm | muster plan install | : | muster plan --root root install hello
one package, warm | apt-get -s install | : | $(apt nothing one) install hello
desktop, cold | muster | : | plan -packages Packages $desktop
desktop, cold | apt-get | : | $(apt nothing '') install $desktop
desktop, warm | muster plan install | : | muster plan --root root install $desktop
desktop, warm | muster, solver and index alone | : | plan -index $index $desktop
desktop, warm | apt-get | : | $(apt nothing one) install $desktop
300 upgrades, cold | muster | : | plan -packages Packages -status status
300 upgrades, cold | apt-get | : | $(apt status '') upgrade
300 upgrades, warm | muster, solver and index alone | : | plan -index $index -status status
300 upgrades, warm | apt-get | : | $(apt status two) upgrade
END
$(apt nothing one) install hello >setup.log # makes the caches
$(apt status two) upgrade >upgrade.log
echo "apt upgrades $(grep -c '^Inst ' upgrade.log) of $(grep -c '^Package: ' status);" \
	"muster: $(plan -packages Packages -status status | tail -1)"
measure -runs "$runs" cases
