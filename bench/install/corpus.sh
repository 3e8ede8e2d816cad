#!/bin/sh
# Make the corpus of the installation benchmark:  corpus.sh DIR
#
# The packages of packages.txt are fetched with apt-get, once, and unpacked:
#
#	DIR/debs/               what apt-get fetched
#	DIR/trees/1/NAME/root/  the files of the package, all owned by who runs this
#	DIR/trees/2/NAME/root/  the same, but one file in ten has other content
#
# Which files differ in trees/2 follows from their paths alone. A change is up
# to 16 bytes in the middle, a line at the end and a day more on the clock; a
# file that does not change keeps its time. Maintainer scripts are not part of
# the corpus. An interrupted run goes on where it was.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# = 1 ] || {
	echo "usage: corpus.sh DIR" >&2
	exit 2
}
mkdir -p "$1/debs/partial"
dir=$(cd "$1" && pwd)
umask 022
names=$(grep -v '^#' "$here/packages.txt")

fetch() {
	missing=
	for p in $names; do
		[ -n "$(find "$dir/debs" -maxdepth 1 -name "${p}_*.deb")" ] || missing="$missing $p"
	done
	[ -n "$missing" ] || return 0
	# shellcheck disable=SC2086 # a list of words
	(cd "$dir/debs/partial" && apt-get -q download $missing && mv ./*.deb ..)
}

# unpack NAME: aside, then renamed, so that a tree is whole or not there.
unpack() {
	[ ! -d "$dir/trees/1/$1" ] || return 0
	rm -rf "$dir/trees/new"
	mkdir -p "$dir/trees/new/root" "$dir/trees/1"
	dpkg-deb --fsys-tarfile "$dir/debs/$1"_*.deb | tar -x -p --no-same-owner -C "$dir/trees/new/root"
	mv "$dir/trees/new" "$dir/trees/1/$1"
}

# disjoint fails when two packages have the same file, or one has a file where
# the other has a folder: the candidates would not agree on what to do.
disjoint() {
	(cd "$dir/trees/1" && find . -mindepth 3 ! -type d | cut -d/ -f4- | sort) >"$dir/files"
	(cd "$dir/trees/1" && find . -mindepth 3 -type d | cut -d/ -f4- | sort -u) >"$dir/folders"
	both=$(uniq -d "$dir/files"; comm -12 "$dir/files" "$dir/folders")
	[ -z "$both" ] || {
		echo "in more than one package: $both" >&2
		exit 1
	}
}

second() {
	[ ! -d "$dir/trees/2" ] || return 0
	rm -rf "$dir/trees/new"
	cp -a "$dir/trees/1" "$dir/trees/new"
	(cd "$dir/trees/new" && find . -type f -size +0 | sort | perl -ne '
		chomp;
		my $h = 2166136261; # FNV-1a of the path
		$h = (($h ^ $_) * 16777619) & 0xffffffff for unpack "C*", $_;
		next if $h % 10;
		my ($size, $time) = (stat)[7, 9];
		open my $f, "+<", $_ or die "$_: $!";
		seek $f, int($size / 2), 0;
		read $f, my $was, 16;
		seek $f, int($size / 2), 0;
		print $f $was ^ ("\xa5" x length $was);
		seek $f, 0, 2;
		print $f "a second version" if $size >= 16;
		close $f or die "$_: $!";
		utime $time + 86400, $time + 86400, $_;
		print "$_\n"') >"$dir/changed"
	mv "$dir/trees/new" "$dir/trees/2"
}

fetch
for p in $names; do unpack "$p"; done
disjoint
second
printf 'packages %s, files and links %s, of which changed %s, bytes %s\n' \
	"$(find "$dir/trees/1" -mindepth 1 -maxdepth 1 | wc -l)" "$(wc -l <"$dir/files")" "$(wc -l <"$dir/changed")" \
	"$(find "$dir/trees/1" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')"
