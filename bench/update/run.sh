#!/bin/sh
# Compares looking for news with apt, in one run on one machine, and prints a
# table of medians. It needs Linux, Debian's lists ("apt-get update"), nginx,
# apt-ftparchive and Go.
#
#	bench/update/run.sh [RUNS]
#
# Both repositories list the same packages, all of Debian's lists of this
# machine, and later 50 of them in a newer version. One nginx serves both; its
# log counts the bytes. apt's repository has pdiffs, by-hash and .xz, and is not
# signed ([trusted=yes]), which spares apt the signature; that of muster is.
# Each client starts from a copy of what it had after its last update.
set -eu
runs=${1:-5}
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
mkdir "$work/bin" "$work/www" "$work/empty"
go build -C "$here" -o "$work/bin/" ./bench/debian ./bench/measure ./cmd/muster
cd "$work"
PATH=$work/bin:$PATH
export LC_ALL=C
port=$((20000 + $$ % 20000))
url=http://127.0.0.1:$port

cat >nginx.conf <<END
daemon off;
user $(id -un);
pid $work/nginx.pid;
error_log $work/error.log;
events {}
http {
	log_format sent '\$uri \$status \$bytes_sent';
	access_log $work/access.log sent;
	client_body_temp_path $work/b; proxy_temp_path $work/p;
	fastcgi_temp_path $work/f; uwsgi_temp_path $work/u; scgi_temp_path $work/s;
	server { listen 127.0.0.1:$port; root $work/www; }
}
END
: >access.log
nginx -p "$work" -e "$work/error.log" -c "$work/nginx.conf" &
server=$!
trap 'kill $server; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# A machine without configuration of its own: apt as it comes.
cat >apt.conf <<END
Dir::Etc::main "$work/nothing";
Dir::Etc::parts "$work/empty";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "$work/empty";
Dir::State::status "$work/nothing";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
END
export APT_CONFIG="$work/apt.conf"
: >nothing
echo "deb [trusted=yes] $url/apt stable main" >sources.list
apt_update() { echo "apt-get -q -o Dir::State=$work/$1/state -o Dir::Cache=$work/$1/cache update"; }

# publish_apt FILE [OLD]: FILE is the list; with OLD, there is a pdiff.
publish_apt() {
	at=www/apt/dists/stable/main/binary-amd64
	mkdir -p $at
	cp "$1" $at/Packages
	xz -T0 -kf $at/Packages # XZ_OPT may say -2 where time is short
	if [ $# = 2 ]; then
		mkdir -p $at/Packages.diff
		diff --ed "$2" "$1" >$at/Packages.diff/T-1 || true
		{
			echo "SHA256-Current: $(sum "$1")"
			printf 'SHA256-History:\n %s T-1\n' "$(sum "$2")"
			printf 'SHA256-Patches:\n %s T-1\n' "$(sum $at/Packages.diff/T-1)"
			gzip -9nf $at/Packages.diff/T-1
			printf 'SHA256-Download:\n %s T-1.gz\n' "$(sum $at/Packages.diff/T-1.gz)"
		} >$at/Packages.diff/Index
	fi
	rm -f www/apt/dists/stable/Release # else it would list itself
	env -u APT_CONFIG apt-ftparchive -o APT::FTPArchive::Release::Codename=stable -o APT::FTPArchive::Release::Suite=stable \
		-o APT::FTPArchive::Release::Architectures=amd64 -o APT::FTPArchive::Release::Components=main \
		-o APT::FTPArchive::Release::Acquire-By-Hash=yes release www/apt/dists/stable >Release
	mkdir -p $at/by-hash/SHA256
	for file in $at/Packages $at/Packages.xz $at/Packages.diff/Index; do
		[ ! -f $file ] || cp $file "$(dirname $file | sed 's|/Packages.diff$||')/by-hash/SHA256/$(sum $file | cut -d' ' -f1)"
	done
	if [ -d $at/Packages.diff ]; then
		mkdir -p $at/Packages.diff/by-hash/SHA256
		cp $at/Packages.diff/Index "$at/Packages.diff/by-hash/SHA256/$(sum $at/Packages.diff/Index | cut -d' ' -f1)"
	fi
	mv Release www/apt/dists/stable/
}

# sum FILE: its hash and size.
sum() { echo "$(sha256sum "$1" | cut -d' ' -f1) $(stat -c %s "$1")"; }

# The machine's own lists, found without this configuration.
# shellcheck disable=SC2046
env -u APT_CONFIG /usr/lib/apt/apt-helper cat-file \
	$(env -u APT_CONFIG apt-get indextargets --format '$(FILENAME)' 'Identifier: Packages') >raw
debian change 0 raw >before
debian change 50 raw >after

debian repo www/muster before
mkdir new before.root
for root in new before.root; do
	muster setup --root $root --repo $url/muster --trust www/muster.crt >setup.log 2>&1
done
publish_apt before
muster update --root before.root >setup.log
for dir in none before.apt; do mkdir -p $dir/state/lists/partial $dir/cache/archives/partial; done
$(apt_update before.apt) >setup.log
sleep 1 # another second, for the dates of HTTP
debian repo www/muster after
publish_apt after before
cp -a before.root after.root
cp -a before.apt after.apt
muster update --root after.root >setup.log
$(apt_update after.apt) >setup.log
sleep 3 # a file is taken to be as it was written after two seconds

cat >cases <<END
no news | muster update --json | : | muster update --root after.root --json
no news | muster update | : | muster update --root after.root
no news | apt-get update | : | $(apt_update after.apt)
50 of $(grep -c '^Package: ' after) changed | muster update --json | rm -rf x.root; cp -a before.root x.root | muster update --root x.root --json
50 of $(grep -c '^Package: ' after) changed | muster update | rm -rf x.root; cp -a before.root x.root | muster update --root x.root
50 of $(grep -c '^Package: ' after) changed | apt-get update | rm -rf x.apt; cp -a before.apt x.apt | $(apt_update x.apt)
the first time | muster update --json | rm -rf x.root; cp -a new x.root | muster update --root x.root --json
the first time | muster update | rm -rf x.root; cp -a new x.root | muster update --root x.root
the first time | apt-get update | rm -rf x.apt; cp -a none x.apt | $(apt_update x.apt)
END
measure -runs "$runs" -bytes access.log cases
echo
echo "What apt asked for after 50 changes:"
: >access.log
rm -rf x.apt
cp -a before.apt x.apt
$(apt_update x.apt) >setup.log
sed 's/^/    /' access.log
