#!/bin/sh
# Builds muster-report as it is released, for every system, and prints its size. Fails
# where it has more than 10 MB: sites copy it to every host.
#
#	bench/report/size.sh
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CGO_ENABLED=0
code=0
for platform in linux/amd64 linux/arm64 freebsd/amd64 darwin/arm64 windows/amd64; do
	GOOS=${platform%/*} GOARCH=${platform#*/} go build -C "$here" -trimpath -ldflags '-s -w' -o "$work/program" ./cmd/muster-report
	size=$(wc -c <"$work/program")
	echo "$platform $size"
	if [ "$size" -gt 10000000 ]; then code=1; fi
done
exit $code
