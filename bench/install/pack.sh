#!/bin/sh
# Make the packages of every candidate from the trees of corpus.sh:
#
#	pack.sh DIR [muster|peers]
#
#	DIR/bin/         muster (or $MUSTER), repack, limit
#	DIR/keys/        a throwaway authority and packager
#	DIR/mpk/1, 2     packages of muster
#	DIR/repo/1, 2    the same repository before and after version 2 was published
#	DIR/limit/1, 2   packs of the program limit
#	DIR/FORMAT/1, 2  tar, deb (zstd), debxz, rpm, pacman
#
# What is zstd is of level 7, which is closest to the level that muster packs
# with; xz is of dpkg's level 6. What is there already is kept: remove a folder
# to have it made anew.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || {
	echo "usage: pack.sh DIR [muster|peers]" >&2
	exit 2
}
dir=$(cd "$1" && pwd)
bin=$dir/bin
level=7
umask 022
mkdir -p "$bin"

# once FOLDER COMMAND...: the command is given a folder to fill, which then
# gets its name.
once() {
	[ ! -e "$dir/$1" ] || return 0
	echo "making $1"
	target=$1
	shift
	rm -rf "$dir/new"
	mkdir -p "$dir/new" "$(dirname "$dir/$target")"
	"$@"
	mv "$dir/new" "$dir/$target"
}

programs() {
	if [ -n "${MUSTER:-}" ]; then
		cp "$MUSTER" "$bin/muster"
	else
		(cd "$here/../.." && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$bin/muster" ./cmd/muster)
	fi
	(cd "$here/../.." && go build -o "$bin/" ./bench/repack ./bench/install/limit)
}

keys() {
	"$bin/muster" ca init --name "Benchmark authority" --out "$dir/new/ca" --no-password
	"$bin/muster" ca issue --ca "$dir/new/ca" --rights code --name "Benchmark packager" --out "$dir/new/packager" --no-password
}

mpk() { "$bin/repack" -version "$1" -key "$dir/keys/packager.key" -cert "$dir/keys/packager.crt" -out "$dir/new" "$dir/trees/$1"/* >/dev/null; }

publish() { "$bin/muster" repo publish "$dir/new" "$@" --key "$dir/keys/packager.key" --cert "$dir/keys/packager.crt" >/dev/null; }

repo() {
	if [ "$1" = 1 ]; then
		"$bin/muster" repo init "$dir/new" --key "$dir/keys/packager.key" --cert "$dir/keys/packager.crt"
	else
		cp -a "$dir/repo/1/." "$dir/new"
	fi
	publish "$dir/mpk/$1"/*.mpk
}

pack() { "$bin/limit" pack "$dir/new/pack" "$dir/trees/$1"/*; }

tarballs() {
	for tree in "$dir/trees/$1"/*; do
		tar -C "$tree/root" --sort=name --owner=0 --group=0 --numeric-owner -c . | zstd -q -$level -o "$dir/new/${tree##*/}.tar.zst"
	done
}

# linked TREE: a copy made of hard links, for tools that want files of their own
# in the tree.
linked() {
	rm -rf "$dir/work"
	cp -al "$1/root" "$dir/work"
	chmod 755 "$dir/work"
}

debs() { # VERSION COMPRESSION LEVEL
	for tree in "$dir/trees/$1"/*; do
		linked "$tree"
		mkdir "$dir/work/DEBIAN"
		printf 'Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: Benchmark <benchmark@example.org>\nDescription: files\n' \
			"${tree##*/}" "$1" >"$dir/work/DEBIAN/control"
		dpkg-deb -Z"$2" -z"$3" --root-owner-group -b "$dir/work" "$dir/new/${tree##*/}.deb" >/dev/null
	done
	rm -rf "$dir/work"
}

# rpmspec TREE VERSION prints a specification whose list of files is what lies
# there. What would glob is matched by a question mark.
rpmspec() {
	cat <<-EOF
		Name: $(basename "$1")
		Version: $2
		Release: 1
		Summary: files
		License: unknown
		AutoReqProv: no
		%description
		files
		%install
		cp -al $1/root/. %{buildroot}
		%files
		%defattr(-,root,root,-)
	EOF
	(cd "$1/root" && find . -mindepth 1 \( -type d -printf '%%dir "/%P"\n' -o -printf '"/%P"\n' \)) |
		sed 's/[][*?{}]/?/g; s/%\([^d]\|d[^i]\)/%%\1/g'
}

rpms() {
	for tree in "$dir/trees/$1"/*; do
		rpmspec "$tree" "$1" >"$dir/spec"
		rpmbuild -bb --quiet --target x86_64 --buildroot "$dir/work" -D "_topdir $dir/rpmtop" -D "_rpmdir $dir/new" \
			-D '_rpmfilename %{NAME}.rpm' -D "_binary_payload w$level.zstdio" -D 'debug_package %{nil}' \
			-D '__os_install_post %{nil}' -D '_build_id_links none' -D '_missing_build_ids_terminate_build 0' \
			-D '__check_files %{nil}' "$dir/spec" >/dev/null 2>"$dir/rpmlog" || { cat "$dir/rpmlog" >&2; return 1; }
	done
	rm -rf "$dir/rpmtop" "$dir/rpmlog" "$dir/spec" "$dir/work"
}

# pacmans makes what makepkg makes: .MTREE, .PKGINFO and the files in one tar.
pacmans() {
	for tree in "$dir/trees/$1"/*; do
		linked "$tree"
		name=${tree##*/}
		printf 'pkgname = %s\npkgbase = %s\npkgver = %s-1\npkgdesc = files\nbuilddate = 1700000000\npackager = Benchmark\nsize = %s\narch = x86_64\n' \
			"$name" "$name" "$1" "$(du -sb "$dir/work" | cut -f1)" >"$dir/work/.PKGINFO"
		(cd "$dir/work" &&
			LC_ALL=C.UTF-8 bsdtar -czf .MTREE --format=mtree --options='!all,use-set,type,uid,gid,mode,time,size,md5,sha256,link' -- .PKGINFO * &&
			LC_ALL=C.UTF-8 bsdtar -cf - --uid 0 --gid 0 -- .MTREE .PKGINFO *) | zstd -q -$level -o "$dir/new/$name-$1-1-x86_64.pkg.tar.zst"
	done
	rm -rf "$dir/work"
}

muster() {
	once keys keys
	for v in 1 2; do
		once mpk/$v mpk $v
		once repo/$v repo $v
		once limit/$v pack $v
		once tar/$v tarballs $v
	done
}

peers() {
	for v in 1 2; do
		once deb/$v debs $v zstd $level
		once rpm/$v rpms $v
		once pacman/$v pacmans $v
	done
	once debxz/1 debs 1 xz 6
}

programs
case ${2:-all} in
muster) muster ;;
peers) peers ;;
all)
	muster
	peers
	;;
esac
