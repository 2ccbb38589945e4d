#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A server whose smallest block is larger than a page: from Linux 6.15 on it is a disk
# with such blocks, and gets nothing but whole ones; before, it is refused, and so is the
# option that asks for them.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit mkfs.ext4 fio
serve()
{
	start_nbdkit unix --filter=blocksize-policy --filter=log memory 64M \
		blocksize-minimum="$1" blocksize-preferred=64K blocksize-maximum=1M \
		blocksize-error-policy=error logfile="$T/nbdkit-ops.log"
}
if ! printf '%s\n' 6.15 "$(uname -r)" | sort -CV ||
	[ ! -e /sys/kernel/mm/transparent_hugepage ]; then
	for block in 8192 65536; do
		serve $block
		refused 5 "no blocks smaller than $block bytes, this kernel none larger" \
			nbdctl attach "$uri"
	done
	serve 512
	refused 2 'no blocks larger than a page, 4096 bytes' nbdctl attach -b 8192 "$uri"
	refused 2 'between 512 and 65536' nbdctl attach -b 131072 "$uri"
	nothing_left
	exit
fi

for block in 8192 65536; do
	serve $block
	attach -C 2 "$uri"
	expect_field "$dev" .block_size $block
	[ "$(cat "/sys/block/$name/queue/logical_block_size")" = $block ] ||
		fail "logical blocks of $(cat "/sys/block/$name/queue/logical_block_size")"
	! dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null ||
		fail "a read of 4 KiB went through"
	dd if=/dev/urandom of="$T/data" bs=1M count=4 status=none
	# Through the page cache, with pieces that are no whole blocks.
	dd if="$T/data" of="$dev" bs=5000 conv=fsync status=none || fail "write"
	echo 3 >/proc/sys/vm/drop_caches
	dd if="$dev" bs=5000 count=4M iflag=count_bytes status=none |
		cmp - "$T/data" || fail "wrong data"
	dd if="$dev" bs=1M count=4 iflag=direct status=none | cmp - "$T/data" ||
		fail "wrong data past the cache"
	blkdiscard -z -o 0 -l 1M "$dev" || fail "zeroes"
	blkdiscard -o 1M -l 1M "$dev" || fail "trim"
	mkfs.ext4 -q -F -b $block "$dev"
	mount_at "$dev" "$T/mnt"
	fio --name=odd --directory="$T/mnt" --rw=randrw --bsrange=700-90000 \
		--bs_unaligned --size=8M --nrfiles=3 --fsync=16 --verify=crc32c \
		--output="$T/fio.log" || fail "fio: $(cat "$T/fio.log")"
	umount "$T/mnt"
	expect_field "$dev" '[.connections[].errors] | add' 0
	detach "$dev"
	start_nbdkit unix memory 64M
	attach "$uri" "$dev"
	[ "$(cat "/sys/block/$name/queue/logical_block_size")" = 512 ] ||
		fail "the block size stayed"
	detach "$dev"
done
start_nbdkit unix memory 64M
refused 1 'largest request: a multiple of the block' \
	nbdctl attach -b 65536 --max-request 100K "$uri"
attach -b 16384 "$uri"
expect_field "$dev" .block_size 16384
detach "$dev"
expect_status 2 nbdctl attach -b 131072 "$uri"
