#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --dead-timeout: without a connection I/O waits, is counted as parked, and
# fails when the time is over (hazard 23); status says what to do.
# leaks: yes
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
# advises TEXT: status says to do that.
advises()
{
	nbdctl status "$dev" >"$T/status"
	grep -qF "what to do       $1" "$T/status" || fail "no \"$1\": $(cat "$T/status")"
}
start_nbdkit unix memory 16M
attach --dead-timeout $((4 * slow)) --no-partscan "$uri"
! nbdctl status "$dev" | grep "what to do" || fail "advice, but nothing is wrong"
expect_field "$dev" .dead_timeout $((4 * slow))
kill -9 "$server_pid"
wait_for 5 state_is "$dev" parked || fail "state $(field "$dev" .state)"
dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none 2>"$T/err" &
reader=$!
sleep 1
! gone $reader || fail "the read did not wait"
n=$(field "$dev" .parked)
[ "$n" -ge 1 ] || fail "$n requests are parked"
advises "nbdctl reconnect ${dev#/dev/}; to give up what waits, nbdctl detach --force"
wait_for 10 gone $reader || fail "the read hangs"
! wait $reader || fail "the read succeeded"
grep -q 'Input/output error' "$T/err" || fail "not EIO: $(cat "$T/err")"
wait_for 5 state_is "$dev" dead || fail "state $(field "$dev" .state)"
advises "unmount, nbdctl reconnect ${dev#/dev/}, check the file system; or nbdctl detach"
detach --force "$dev"
idle "$dev"
