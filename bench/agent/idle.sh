#!/bin/bash
# What an agent costs when nothing happens: memory, processor, bytes on the wire.
#
#   bench/agent/idle.sh [SECONDS]      (as root, on Linux; default 300)
#
# A server and a host stand in two network namespaces with a cable between them,
# whose counters give the bytes, TCP and all. The host has joined and looked;
# then the agent waits, as it does for two hours between two looks, with a
# request open at the server. A look with nothing new is measured by itself.
set -eu
seconds=${1:-300}
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
server=mb$$s host=mb$$h
pids=
cleanup() {
	for p in $pids; do kill "$p" 2>/dev/null || true; done
	wait 2>/dev/null || true
	ip netns delete $server 2>/dev/null || true
	ip netns delete $host 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT
CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$dir/" ./cmd/muster ./cmd/musterd
export PATH=$dir:$PATH HOME=$dir XDG_CONFIG_HOME=$dir/config MUSTER_KEY=$dir/admin.key MUSTER_CERT=$dir/admin.crt

for n in $server $host; do
	ip netns add "$n"
	ip -n "$n" link set lo up
done
ip link add wire0 netns $server type veth peer name wire1 netns $host
ip -n $server address add 10.98.0.1/24 dev wire0
ip -n $host address add 10.98.0.2/24 dev wire1
ip -n $server link set wire0 up
ip -n $host link set wire1 up

url=https://10.98.0.1:8443
printf 'data: %s/data\nlisten: 10.98.0.1:8443\ntls: {names: [10.98.0.1]}\nrepository: {reserve: 16M}\n' "$dir" >"$dir/musterd.yaml"
in_server="ip netns exec $server"
in_host="ip netns exec $host"
{
	muster key new --name Admin --out "$dir/admin" --no-password --rights code,issue
	musterd init --config "$dir/musterd.yaml"
	musterd trust add "$dir/admin.crt" --config "$dir/musterd.yaml"
	$in_server musterd serve --config "$dir/musterd.yaml" &
	pids="$pids $!"
	sleep 2
	$in_server muster login $url --ca "$dir/data/tls/cert.pem"
	$in_server muster repo init $url
	token=$($in_server muster tokens create --trust "$dir/admin.crt" --json | sed -n 's/.*"secret": "\(.*\)".*/\1/p')
	$in_host muster join $url --root "$dir/host" --area --token "$token" --trust "$dir/admin.crt" --ca "$dir/data/tls/cert.pem"
	$in_host muster agent run --now --root "$dir/host" &
	agent=$!
	pids="$pids $agent"
	sleep 30
} >"$dir/log" 2>&1 || {
	cat "$dir/log"
	exit 1
}

wire() { $in_host cat /sys/class/net/wire1/statistics/rx_bytes /sys/class/net/wire1/statistics/tx_bytes | paste -sd+ | bc; }
ticks() { sed 's/.*) //' "/proc/$agent/stat" | awk '{print $12 + $13 + $14 + $15}'; } # with children that ended
w0=$(wire) t0=$(ticks)
sleep "$seconds"
w1=$(wire) t1=$(ticks)
grep -E 'VmRSS|RssAnon' "/proc/$agent/status"
echo "cpu, with its children: $(((t1 - t0) * 10)) ms in $seconds s"
echo "on the wire: $((w1 - w0)) bytes in $seconds s"
w0=$(wire) t0=$(ticks)
$in_host muster agent look --root "$dir/host" >/dev/null
sleep 2
w1=$(wire) t1=$(ticks)
echo "a look with nothing new: $((w1 - w0)) bytes, $(((t1 - t0) * 10)) ms of cpu"

# An upgrade of 20 MB, which the server calls for, and what the agent holds then.
mkdir -p "$dir/recipe/root/share"
printf 'package: %s\nversion: 1.0-1\nkind: base\narchitecture: all\nos: all\ndescription: a test\n' tool >"$dir/recipe/control"
for i in $(seq 200); do head -c 100000 /dev/urandom >"$dir/recipe/root/share/$i"; done
{
	cd "$dir"
	muster build recipe
	$in_server muster repo publish $url tool_1.0-1_all_all.mpk
	t0=$(ticks)
	$in_server muster groups edit lab --add "$($in_server muster hosts --json | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' | head -1)" --install tool
	for i in $(seq 60); do [ -e "$dir/host/share/200" ] && break || sleep 1; done
	sleep 15
} >>"$dir/log" 2>&1
[ -e "$dir/host/share/200" ] || { cat "$dir/log"; exit 1; }
echo "after an upgrade of 20 MB, $((($(ticks) - t0) * 10)) ms of cpu:"
grep -E 'VmRSS|RssAnon|VmHWM' "/proc/$agent/status"
