#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The server's minimum, preferred and maximum become the disk's limits, all requests obey
# them, and they are gone with it.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit mkfs.ext4 fstrim fio
limit()
{
	cat "/sys/block/$name/queue/$1"
}
start_nbdkit unix --filter=blocksize-policy --filter=log memory 64M \
	blocksize-minimum=4096 blocksize-preferred=64K blocksize-maximum=256K \
	blocksize-error-policy=error logfile="$T/nbdkit-ops.log"
attach -C 2 "$uri"
[ "$(limit logical_block_size)" = 4096 ] || fail "logical $(limit logical_block_size)"
[ "$(limit minimum_io_size)" = 65536 ] || fail "minimum $(limit minimum_io_size)"
[ "$(limit max_hw_sectors_kb)" = 256 ] || fail "maximum $(limit max_hw_sectors_kb)"
dd if=/dev/urandom of="$T/data" bs=1M count=4 2>/dev/null
dd if="$T/data" of="$dev" bs=1M oflag=direct 2>/dev/null || fail "write"
dd if="$dev" bs=1M count=4 iflag=direct 2>/dev/null | cmp - "$T/data" ||
	fail "wrong data"
! dd if="$dev" of=/dev/null bs=512 count=1 iflag=direct 2>/dev/null ||
	fail "a read below the block size went through"
[ "$(limit discard_granularity)" = 4096 ] || fail "granularity $(limit discard_granularity)"

# Whatever a file system makes of it, the server, which refuses all else, gets requests
# of its sizes only.
mkfs.ext4 -q "$dev"
mount_at "$dev" "$T/mnt"
fio --name=odd --directory="$T/mnt" --rw=randrw --bsrange=700-90000 --bs_unaligned \
	--size=8M --nrfiles=3 --fsync=16 --verify=crc32c --output="$T/fio.log" ||
	fail "fio: $(cat "$T/fio.log")"
rm "$T/mnt"/odd.0.1
fstrim "$T/mnt"
umount "$T/mnt"
grep -q ' Trim ' "$T/nbdkit-ops.log" || fail "nothing was trimmed"
expect_field "$dev" '[.connections[].errors] | add' 0
detach "$dev"
start_nbdkit unix memory 64M
attach "$uri" "$dev"
[ "$(limit logical_block_size)" = 512 ] || fail "the block size stayed"
[ "$(limit max_hw_sectors_kb)" -gt 256 ] || fail "the maximum stayed"
detach "$dev"
expect_status 2 nbdctl attach -b 1000 "$uri"
attach -b 4096 "$uri"
[ "$(limit logical_block_size)" = 4096 ] || fail "-b has no effect"
detach "$dev"
