#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An export that the server gives out read-only (hazard 47).
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
truncate -s 16M "$T/disk"
dd if=/dev/urandom of="$T/disk" bs=64k count=4 conv=notrunc status=none
start_nbdkit unix --filter=log -r file "$T/disk" logfile="$T/ops.log"
attach "$uri"
is_read_only "$dev"
dd if="$dev" bs=64k count=4 iflag=direct status=none |
	cmp - <(head -c 256k "$T/disk") || fail "wrong data"
grep -q Read "$T/ops.log" || fail "the server's log is not what it should be"
! grep -q Write "$T/ops.log" || fail "a write reached the server"
detach "$dev"
# Not left over for the next export.
start_nbdkit unix memory 16M
attach "$uri" "$dev"
[ "$(blockdev --getro "$dev")" = 0 ] || fail "the next device is read-only"
dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct status=none
detach "$dev"
