#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Trace events follow a request to the wire and back, a connection from state to state
# and commands from a dead connection to another one. Those that the stock driver has,
# too, have its names and fields.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit qemu-nbd nbd-client fio
tracing=/sys/kernel/tracing
[ -e $tracing/trace ] || mount -t tracefs tracefs $tracing 2>/dev/null ||
	skip "no tracefs"
upstream="nbd_header_received nbd_header_sent nbd_payload_received nbd_payload_sent
	nbd_send_request"

# "7 (expanded: 1408)" before the first use, and 7 would stay 7.
buffer=$(sed -E 's/.*expanded: ([0-9]+).*/\1/' $tracing/buffer_size_kb)
untrace()
{
	echo 0 >$tracing/events/nbd/enable
	echo "$buffer" >$tracing/buffer_size_kb
	echo >$tracing/trace
}
at_exit untrace
# formats: of the events that both drivers have, without their numbers.
formats()
{
	local event

	for event in $upstream; do
		grep -v '^ID:' $tracing/events/nbd/"$event"/format
	done
}
# record COMMAND...: what it does, in $T/trace.
record()
{
	echo >$tracing/trace
	echo 1 >$tracing/events/nbd/enable
	"$@" || fail "$*"
	echo 0 >$tracing/events/nbd/enable
	sed -nE 's/.*: (nbd_[a-z_]+: .*)/\1/p' $tracing/trace >"$T/trace"
}
# seen COUNT REGEX: so many lines.
seen()
{
	[ "$(grep -cE -- "$2" "$T/trace")" = "$1" ] ||
		fail "not $1 times: $2: $(cat "$T/trace")"
}
# request: the only one there is went this way.
request()
{
	local rq handle

	rq=$(sed -nE "s/^nbd_send_request: $name: request (\S+)$/\1/p" "$T/trace")
	handle=$(sed -nE "s/^nbd_header_sent: .* request $rq, handle (0x\w+)$/\1/p" \
		"$T/trace")
	[ -n "$handle" ] || fail "no handle: $(cat "$T/trace")"
	grep -v '^nbd_burst' "$T/trace" >"$T/way"
	printf '%s\n' "nbd_send_request: $name: request $rq" \
		"nbd_header_sent: nbd transport event: request $rq, handle $handle" \
		"nbd_payload_sent: nbd transport event: request $rq, handle $handle" \
		"nbd_header_received: nbd transport event: request $rq, handle $handle" \
		"nbd_payload_received: nbd transport event: request $rq, handle $handle" |
		diff - "$T/way" || fail "another way"
}

start_nbdkit tcp --filter=delay memory 16M rdelay=20ms wdelay=20ms
record attach -C 2 --no-partscan "$uri"
seen 2 "^nbd_connection_state: $name: connection [01]: generation=1 state=live error=0$"
record dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none
request
seen 1 "^nbd_burst: $name: connection [01]: commands=1 bytes=28 left=0$"
record dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=notrunc status=none
request
seen 1 "^nbd_burst: $name: connection [01]: commands=1 bytes=4124 left=0$"

# A large payload travels by itself.
large()
{
	dd if=/dev/zero of="$dev" bs=64k count=1 oflag=direct conv=notrunc status=none
}
record large
request
sent=$(sed -nE 's/^nbd_burst: .* bytes=([0-9]+) left.*/\1/p' "$T/trace" | paste -sd+)
[ $((sent)) = $((65536 + 28)) ] || fail "$sent bytes: $(cat "$T/trace")"

detach "$dev"

# A connection dies with commands on it.
truncate -s 16M "$T/disk"
start_qemu_nbd unix 2 "$T/disk"
start_captive unix "proxy:$sock"
attach -C 2 --no-partscan "$uri"
run_io "$dev" --rw=randread --bs=4k
cut_one()
{
	kill -USR1 "$server_pid"
	wait_for 10 grep -q state=down $tracing/trace || fail "no connection went"
	sleep "$slow"
}
echo 16384 >$tracing/buffer_size_kb
record cut_one
grep -E '^nbd_(connection_state|requeue)' "$T/trace" >"$T/states"
went=$(sed -nE "s/^.*$name: (connection [01]): generation=1 state=failing error=-[0-9]+$/\1/p" \
	"$T/states")
[ -n "$went" ] || fail "it did not fail: $(cat "$T/states")"
requeued=$(grep -cE "^nbd_requeue: $name: $went: request \S+, handle 0x\w+, sent=[01]$" \
	"$T/states") || fail "nothing is requeued: $(cat "$T/states")"
[ "$(sed '/^nbd_requeue/d' "$T/states" | tail -n +2)" = \
	"nbd_connection_state: $name: $went: generation=1 state=down error=$(
	sed -nE 's/.*failing error=//p' "$T/states")" ] ||
	fail "it is not down: $(cat "$T/states")"
say "$requeued requests went from $went to the other one"
awk '
/^nbd_requeue/ { sub(/,/, "", $6); waits[$6] = 1 }
/^nbd_payload_received/ { sub(/,/, "", $6); delete waits[$6] }
END { for (rq in waits) print "no reply to " rq; exit length(waits) > 0 }' \
	"$T/trace" >"$T/lost" || fail "$(cat "$T/lost" "$T/states")"
kill "$io_pid"
wait "$io_pid" || true
detach "$dev"

unload_module
modprobe nbd || skip "the kernel has no driver of its own"
formats >"$T/stock"
rmmod nbd
load_module
formats >"$T/ours"
[ "$(grep -c '^name: ' "$T/stock")" = 5 ] || fail "the stock driver has not these five"
diff "$T/stock" "$T/ours" || fail "not as the stock driver's"
