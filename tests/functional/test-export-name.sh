#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that knows only EXPORT_NAME, the oldest way, can be used, also one that
# hangs up instead of saying so: with --no-optgo, whoever makes the connection.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit jq python3
export NBDCTL_RUN_DIR=$T/run
# works: what is written is read.
works()
{
	[ "$(blockdev --getsize64 "$dev")" = $((16 << 20)) ] || fail "size"
	dd if=/dev/urandom of="$T/data" bs=64k count=8 status=none
	dd if="$T/data" of="$dev" bs=64k oflag=direct status=none
	dd if="$dev" bs=64k count=8 iflag=direct status=none |
		cmp - "$T/data" || fail "wrong data"
}
start_nbdkit unix --mask-handshake=0 memory 16M
attach "$uri"
works
expect_field "$dev" .no_optgo false
detach "$dev"
idle "$dev"

start_nbdkit unix memory 16M
start_captive unix "old:$sock"
# hung_up: how often it did.
hung_up()
{
	grep -c 'hung up' "$T/captive$server_n.log"
}
loses_one()
{
	kill -USR1 "$server_pid"
	wait_for 10 live_is 1 || fail "$(field "$dev" .connections_live) live, not 1"
}
has_both()
{
	wait_for 20 live_is 2 || fail "$(field "$dev" .connections_live) live, not 2"
	[ "$(hung_up)" = 1 ] || fail "it was asked: $(cat "$T/captive$server_n.log")"
	works
}
refused 4 'closed the connection instead of sending its reply to an option' \
	nbdctl attach "$uri"
grep -q 'hung up on option 7' "$T/captive$server_n.log" ||
	fail "it said: $(cat "$T/captive$server_n.log")"
attach -C 2 --persist --no-optgo "$uri"
has_both
expect_field "$dev" .no_optgo true
nbdctl status "$dev" >"$T/out"
grep -q '^  option GO  *not tried$' "$T/out" || fail "status: $(cat "$T/out")"
loses_one
expect_status 0 nbdctl reconnect "$dev"
has_both
expect_status 0 nbdctl reconnect --replace "$dev"
has_both
expect_status 0 nbdctl resize "$dev"
has_both
loses_one
nbdctl monitor 2>"$T/monitor.log" &
has_both
detach "$dev"

echo "nbd1 $sock any unix,no_optgo,conns=2" >"$T/nbdtab"
attach --nbdtab "$T/nbdtab" nbd1
has_both
expect_field nbd1 .no_optgo true
detach nbd1
idle "$dev"
