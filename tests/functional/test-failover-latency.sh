#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two of four connections go, one after the other, with requests under way: reset over
# TCP, closed by the other end over TCP and UNIX, given up because what comes is no reply.
# Within 100 ms all of these are sent over another one; in the last case only reads, since
# writes wait for the fence. (The kernel's own driver takes 30 s.)
# timeout: 300
# cpus: 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires qemu-nbd fio jq ss python3
most=$((100 * slow))
# The server takes 10 ms for each of 16 requests, and for those of the connection that is
# gone once more.
longest=$((2 * 16 * 10 + most))
tracing=/sys/kernel/tracing
[ -e $tracing/trace ] || mount -t tracefs tracefs $tracing
untrace()
{
	echo 0 >$tracing/events/nbd/enable
	echo 0 >$tracing/events/sock/inet_sock_set_state/enable
}
at_exit untrace
close()
{
	kill -USR1 "$server_pid"
}
nonsense()
{
	kill -USR2 "$server_pid"
}
# busiest: our end of the connection that has sent most.
busiest()
{
	ss -HtnOi state established "dport = :$port" | awk '{
		split($3, local, ":"); match($0, /bytes_sent:[0-9]+/)
		print substr($0, RSTART + 11, RLENGTH - 11), local[2]
	}' | sort -rn | awk 'NR == 1 { print $2 }'
}
reset()
{
	local client

	client=$(busiest)
	ss -HKtn state established \
		"( sport = :$port and dport = :$client )" | grep -q . ||
		skip "this kernel cannot reset a connection from outside"
}
# took_ms: from when TCP knows that a connection is gone, or else the driver, until the last
# request that it had is given to another one. Too long if there was none, or one of them
# is nowhere.
took_ms()
{
	awk -v peer="dport=$port " 'match($0, /[0-9]+\.[0-9]+: [a-z_]+: /) {
		at = substr($0, RSTART) + 0
		match($0, /request [0-9a-f]+/)
		request = substr($0, RSTART, RLENGTH)
	}
	/ inet_sock_set_state: .*oldstate=TCP_ESTABLISHED/ && index($0, peer) && !gone {
		gone = at
	}
	/nbd_connection_state:/ && !gone {
		gone = at
	}
	/nbd_requeue:/ {
		taken[request] = 1
		any = 1
	}
	/nbd_send_request:/ && request in taken {
		delete taken[request]
		last = at
	}
	END {
		for (request in taken)
			any = 0
		printf "%d", any ? (last - gone) * 1000 : 999999
	}' $tracing/trace
}
# cut HOW LIVE: so many are left. Adds to ms; one that had no request at that moment is
# tried again.
cut()
{
	local now

	echo >$tracing/trace
	"$1"
	wait_for 10 live_is "$2" ||
		fail "$1: $(field "$dev" .connections_live) live, not $2"
	sleep 0.2
	now=$(took_ms)
	[ "$now" -le "$ms" ] || ms=$now
}
# slowest HOW: sets ms to the longest time of both cuts, and worst to that of a request.
slowest()
{
	local rw=randrw

	[ "$1" != nonsense ] || rw=randread
	ms=0
	attach -C 4 --no-partscan "$uri"
	for event in connection_state requeue send_request; do
		echo 1 >$tracing/events/nbd/nbd_$event/enable
	done
	echo 1 >$tracing/events/sock/inet_sock_set_state/enable
	fio --name=load --filename="$dev" --rw=$rw --bs=4k --size=64M \
		--ioengine=libaio --iodepth=16 --direct=1 --time_based \
		--runtime=120 --output-format=json --output="$T/fio.json" &
	fio=$!
	served_before=$(($(served "$dev") + 200))
	wait_for 60 has_served "$dev" || fail "$1: no I/O"
	cut "$1" 3
	sleep 1
	cut "$1" 2
	sleep 1
	kill -INT $fio
	wait $fio || true
	# What it says of the signal comes before the JSON.
	sed -i -n '/^{/,$p' "$T/fio.json"
	[ "$(jq '.jobs[0].error' "$T/fio.json")" = 0 ] || fail "$1: fio reports errors"
	live_is 2 || fail "$1: $(field "$dev" .connections_live) live, not 2"
	worst=$(jq '[.jobs[0].read, .jobs[0].write] |
		map(.clat_ns.max / 1000000) | max | floor' "$T/fio.json")
	detach "$dev"
}
# nbdkit 1.32 may crash when a client goes amid requests.
truncate -s 64M "$T/disk"
start_qemu_nbd unix 4 "$T/disk"
real=$sock
for kind in 'tcp reset' 'tcp close' 'unix close' 'tcp nonsense' 'unix nonsense'; do
	read -r transport how <<<"$kind"
	# A machine that stood still for a moment is not the driver's fault.
	for ((try = 1; ; try++)); do
		start_captive "$transport" "serial:10:$real"
		slowest "$how"
		say "$kind: the last request went on after $ms ms, the slowest took $worst"
		kill_server "$server_pid"
		[ "$ms" -gt $most ] || [ "$worst" -gt $longest ] || break
		[ $try -lt 5 ] ||
			fail "$kind: $ms and $worst ms, $most and $longest are allowed"
	done
done
