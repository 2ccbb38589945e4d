#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A server without flush, trim and zeroes gets none of them; fallocate of
# zeroes still works.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix --filter=nozero --filter=log memory 64M zeromode=none \
	logfile="$T/nbdkit-ops.log"
attach --no-partscan "$uri"
dd if=/dev/urandom of="$dev" bs=64k count=16 oflag=direct 2>/dev/null
timeout $((30 * slow)) blkdiscard -z -o 0 -l 1M "$dev" || fail "zeroing failed"
dd if="$dev" bs=64k count=16 iflag=direct 2>/dev/null |
	cmp - <(head -c 1M /dev/zero) || fail "not zeroed"
! grep -q Zero "$T/nbdkit-ops.log" || fail "a zero command was sent"
detach "$dev"
# Limits must not survive to the next server.
start_nbdkit unix --filter=log memory 64M logfile="$T/nbdkit-next.log"
attach --no-partscan "$uri" "$dev"
blkdiscard -z -o 0 -l 1M "$dev"
wait_for 5 grep -q Zero "$T/nbdkit-next.log" ||
	fail "zeroes were not offered after a server without them"
detach "$dev"
