#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each block operation arrives at the server as the command it should be:
# read, write, flush, FUA, trim, write zeroes.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix --filter=log memory 64M logfile="$T/nbdkit-ops.log"
attach --no-partscan "$uri"
seen()
{
	wait_for 5 grep -qE "$1" "$T/nbdkit-ops.log" ||
		fail "the server never saw $1"
}
dd if=/dev/urandom of="$T/data" bs=64k count=16 2>/dev/null
dd if="$T/data" of="$dev" bs=64k oflag=direct 2>/dev/null
seen 'Write .*offset=0x0 '
dd if="$dev" bs=64k count=16 iflag=direct 2>/dev/null | cmp - "$T/data" ||
	fail "wrong data"
seen 'Read '
dd if="$T/data" of="$dev" bs=64k count=1 conv=fsync,notrunc 2>/dev/null
seen 'Flush'
dd if="$T/data" of="$dev" bs=64k count=1 oflag=direct,dsync conv=notrunc \
	2>/dev/null
seen 'Write .*fua=1'
blkdiscard -o 65536 -l 65536 "$dev"
seen 'Trim .*offset=0x10000 count=0x10000'
blkdiscard -z -o 131072 -l 65536 "$dev"
seen 'Zero .*offset=0x20000 count=0x10000'
head -c 64k /dev/zero >"$T/zero"
dd if="$dev" bs=64k skip=2 count=1 iflag=direct 2>/dev/null |
	cmp - "$T/zero" || fail "not zeroed"
dd if="$dev" bs=64k skip=3 count=13 iflag=direct 2>/dev/null |
	cmp - <(tail -c +196609 "$T/data") || fail "zeroed too much"
detach "$dev"
seen 'Disconnect|Close'
