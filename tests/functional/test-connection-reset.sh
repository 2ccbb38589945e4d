#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One of four TCP connections is reset while I/O runs, from either end: the I/O
# goes on over the others, without an error and with the right data, and
# status shows the loss.
# cpus: 2
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires qemu-nbd fio ss
truncate -s 32M "$T/disk"
start_qemu_nbd tcp 4 "$T/disk"
attach -C 4 --no-partscan "$uri"
reset()
{
	ss -HKtn state established "$@" | grep -q . ||
		skip "this kernel cannot reset a connection from outside"
}
client_port()
{
	ss -Htn state established "dport = :$port" |
		awk 'NR == 1 { sub(".*:", "", $3); print $3 }'
}
has_served_some()
{
	[ "$(served "$dev")" -gt 100 ]
}
fio --name=data --filename="$dev" --rw=randwrite --bs=16k --size=16M --loops=4 \
	--ioengine=libaio --iodepth=32 --direct=1 --verify=crc32c \
	--verify_fatal=1 --rate_iops=1000 --output="$T/fio.log" &
fio=$!
wait_for 20 has_served_some || fail "no I/O"
# The server's end: the client sees RST.
reset "( sport = :$port and dport = :$(client_port) )"
wait_for 10 live_is 3 || fail "$(field "$dev" .connections_live) live, not 3"
# The client's own end, under the driver's feet.
reset "( sport = :$(client_port) and dport = :$port )"
wait_for 10 live_is 2 || fail "$(field "$dev" .connections_live) live, not 2"
! gone $fio || fail "fio ended too early"
wait $fio || fail "the I/O failed"
field "$dev" '.connections[] | [.state, .failures, .last_error] | @csv'
expect_field "$dev" '[.connections[] | select(.state != "live" and
	.failures == 1 and .last_error != 0)] | length' 2
expect_field "$dev" .state live
detach "$dev"
idle "$dev"
