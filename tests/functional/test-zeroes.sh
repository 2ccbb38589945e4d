#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Discard, zero-out, punch-hole and zero-range reach exactly their range, and
# deallocate or not as they should (hazards 44, 45).
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit blkdiscard fallocate
truncate -s 16M "$T/disk"
start_nbdkit unix --filter=log file "$T/disk" logfile="$T/ops.log"
attach --no-partscan "$uri"
head -c 16M /dev/urandom >"$T/want"
dd if="$T/want" of="$dev" bs=1M oflag=direct status=none

# zeroed OFFSET LENGTH: there are zeroes now, and nowhere else.
zeroed()
{
	dd if=/dev/zero of="$T/want" bs=64k seek=$(($1 >> 16)) \
		count=$(($2 >> 16)) conv=notrunc status=none
	dd if="$dev" bs=1M iflag=direct status=none | cmp - "$T/want" ||
		fail "$what: wrong data"
}
seen()
{
	wait_for 5 grep -qE "$1" "$T/ops.log" || fail "$what: the server saw no $1"
}
blocks()
{
	stat -c %b "$T/disk"
}
what=blkdiscard
full=$(blocks)
blkdiscard -o 1M -l 1M "$dev"
seen 'Trim .*offset=0x100000 count=0x100000'
zeroed $((1 << 20)) $((1 << 20))
[ "$(blocks)" -lt "$full" ] || fail "discard gave nothing back"

what='blkdiscard -z'
full=$(blocks)
blkdiscard -z -o 3M -l 2M "$dev"
seen 'Zero .*offset=0x300000 count=0x200000'
zeroed $((3 << 20)) $((2 << 20))
[ "$(blocks)" -ge "$full" ] || fail "zero-out gave blocks back"

what='zero range'
full=$(blocks)
fallocate -z -o 6M -l 64K -n "$dev"
zeroed $((6 << 20)) $((64 << 10))
[ "$(blocks)" -ge "$full" ] || fail "zero-range gave blocks back"

what='punch hole'
full=$(blocks)
fallocate -p -o 8M -l 1M "$dev"
zeroed $((8 << 20)) $((1 << 20))
[ "$(blocks)" -lt "$full" ] || fail "punch-hole gave nothing back"
what=end
blkdiscard -z -o 15M -l 1M "$dev"
zeroed $((15 << 20)) $((1 << 20))
detach "$dev"
cmp "$T/disk" "$T/want" || fail "the server has other data"
