#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that accepts and then does not serve the partition table: attach fails when
# its connections are given up, when it is interrupted, or when somebody detaches the
# device, and the device is free again.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix --filter=delay memory 16M rdelay=1000
refused 3 'did not serve the partition table' \
	nbdctl attach -C 2 --timeout "$slow" "$uri"
nothing_attached

reads()
{
	[ "$(field nbd0 '.connections[0].in_flight')" -ge 1 ]
}
begin()
{
	nbdctl attach --timeout 0 "$uri" nbd0 >"$T/out" 2>"$T/err" &
	attaching=$!
	wait_for 20 reads || fail "nobody reads the partition table"
}

begin
kill $attaching
took wait_for 10 gone $attaching || fail "attach does not end"
! wait $attaching || fail "attach has succeeded"
grep -q interrupted "$T/err" || fail "attach says: $(cat "$T/err")"
[ ! -s "$T/out" ] || fail "attach printed $(cat "$T/out")"
nothing_attached

begin
nbdctl detach --force nbd0
took wait_for 10 gone $attaching || fail "attach does not end"
status=0
wait $attaching || status=$?
[ $status = 7 ] || fail "attach ended with $status: $(cat "$T/err")"
grep -q 'was detached while' "$T/err" || fail "attach says: $(cat "$T/err")"
[ ! -s "$T/out" ] || fail "attach printed $(cat "$T/out")"
nothing_attached
