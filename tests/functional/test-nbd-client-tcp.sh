#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nbd-client, unchanged, over tcp: attaches by netlink, the device works, it
# detaches.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbd-client nbdkit nbd-server fio
truncate -s 32M "$T/disk"
start_nbd_server tcp "$T/disk"
for n in 1 4; do
	timeout $((30 * slow)) nbd-client 127.0.0.1 "$port" -N disk /dev/nbd0 -C $n \
		>"$T/nbd-client.log" 2>&1 || fail "nbd-client: status $?"
	wait_for 5 attached nbd0 || fail "not attached"
	nbd-client -c /dev/nbd0 >"$T/out" || fail "nbd-client -c: not connected"
	[ "$(cat "$T/out")" = "$(cat /sys/block/nbd0/pid)" ] ||
		fail "nbd-client -c: $(cat "$T/out")"
	[ "$(blockdev --getsize64 /dev/nbd0)" = $((32 << 20)) ] || fail "size"
	expect_field nbd0 .connections_live $n
	# What it does not say has the meaning that it has upstream.
	expect_field nbd0 .timeout 0
	expect_field nbd0 .dead_timeout 0
	verify /dev/nbd0 4M
	timeout $((30 * slow)) nbd-client -d /dev/nbd0 >"$T/nbd-client.log" 2>&1 ||
		fail "nbd-client -d: status $?"
	wait_for 5 not_attached nbd0 || fail "still attached"
	! nbd-client -c /dev/nbd0 >"$T/out" || fail "nbd-client -c: connected"
	idle nbd0
done
# nbdctl detaches what nbd-client attached.
nbd-client 127.0.0.1 "$port" -N disk /dev/nbd3 >"$T/nbd-client.log" 2>&1
wait_for 5 attached nbd3 || fail "not attached"
detach nbd3
idle nbd3
