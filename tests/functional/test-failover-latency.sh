#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two of four connections go, one after the other, under load: reset over TCP, closed
# by the other end over UNIX. No request takes longer for it than 100 ms. (The
# kernel's own driver takes 30 s.)
# timeout: 150
# cpus: 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires qemu-nbd fio jq ss python3
most=$((100 * slow))
cut_unix()
{
	kill -USR1 "$proxy"
}
cut_tcp()
{
	local client

	client=$(ss -Htn state established "dport = :$port" |
		awk 'NR == 1 { sub(".*:", "", $3); print $3 }')
	ss -HKtn state established \
		"( sport = :$port and dport = :$client )" | grep -q . ||
		skip "this kernel cannot reset a connection from outside"
}
# slowest KIND: sets ms to the longest time of a request while two connections go.
slowest()
{
	attach -C 4 --no-partscan "$uri"
	fio --name=load --filename="$dev" --rw=randrw --bs=4k --size=64M \
		--ioengine=libaio --iodepth=16 --direct=1 --time_based \
		--runtime=4 --output-format=json --output="$T/fio.json" &
	fio=$!
	sleep 1.5
	"cut_$1"
	sleep 1
	"cut_$1"
	wait $fio || fail "$1: fio: status $?"
	live_is 2 || fail "$1: $(field "$dev" .connections_live) live, not 2"
	ms=$(jq '[.jobs[0].read, .jobs[0].write] |
		map(.clat_ns.max / 1000000) | max | floor' "$T/fio.json")
	say "$1: the slowest request took $ms ms"
	detach "$dev"
}
# nbdkit 1.32 may crash when a client goes amid requests.
truncate -s 64M "$T/disk"
start_qemu_nbd unix 4 "$T/disk"
real=$sock
for kind in tcp unix; do
	# A machine that stood still for a moment is not the driver's fault.
	for ((try = 1; ; try++)); do
		if [ $kind = unix ]; then
			start_captive unix "proxy:$real"
			proxy=$server_pid
		else
			start_qemu_nbd tcp 4 "$T/disk"
		fi
		slowest $kind
		kill_server "$server_pid"
		[ "$ms" -gt $most ] || break
		[ $try -lt 5 ] || fail "$kind: $ms ms, $most are allowed"
	done
done
