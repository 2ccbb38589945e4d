#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A request waits because the server is gone. resize says that it is; started again
# with an export that has grown, it gives the device new connections and its new size,
# and the request ends well.
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
head -c 16M /dev/urandom >"$T/disk"
waits()
{
	[ "$(field "$dev" .parked)" = 1 ]
}
start_nbdkit unix file "$T/disk"
attach -C 2 --no-partscan --dead-timeout $((60 * slow)) "$uri"
kill -9 "$server_pid"
wait_for 10 state_is "$dev" parked || fail "state $(field "$dev" .state)"
dd if="$dev" of="$T/read" bs=4k count=1 iflag=direct status=none &
reader=$!
wait_for 10 waits || fail "$(field "$dev" .parked) requests wait, not 1"
truncate -s 32M "$T/disk"
! nbdctl resize "$dev" 2>"$T/err" || fail "resized without a server"
waits || fail "the request does not wait any more: $(cat "$T/err")"
serve_nbdkit file "$T/disk"
expect_status 0 nbdctl resize "$dev"
wait $reader || fail "the read failed"
cmp -n 4096 "$T/read" "$T/disk" || fail "it read something else"
[ "$(blockdev --getsize64 "$dev")" = $((32 << 20)) ] ||
	fail "$(blockdev --getsize64 "$dev") bytes"
live_is 2 || fail "$(field "$dev" .connections_live) live, not 2"
verify "$dev" 1M
detach "$dev"
