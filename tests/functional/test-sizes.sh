#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Exports of every size: over 2 TiB, up to the last block below 2^63, no multiple
# of the block. Blocks that this kernel cannot do are refused with a clear
# message. Nothing of one attach is left in the next one.
# timeout: 150
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
bytes()
{
	blockdev --getsize64 "$dev"
}
# at OFFSET: 64 KiB there, at a multiple of that, are what was written.
at()
{
	dd if="$T/data" of="$dev" bs=64k seek=$(($1 >> 16)) oflag=direct \
		status=none || fail "a write at $1"
	dd if="$dev" bs=64k skip=$(($1 >> 16)) count=1 iflag=direct \
		status=none | cmp - "$T/data" || fail "other data at $1"
}
# settings: what the queue is set to, one a line; some files cannot be read.
settings()
{
	(cd "/sys/block/$name" && grep -s . ro size queue/* || true)
}
dd if=/dev/urandom of="$T/data" bs=64k count=1 status=none

size=$((5 << 40))
start_nbdkit unix memory $size
attach "$uri"
[ "$(bytes)" = $size ] || fail "$(bytes) bytes, not 5 TiB"
for offset in 0 $((2 << 40)) $(((1 << 41) - 65536)) $((size - 65536)); do
	at $offset
done
detach "$dev"

# The largest: 2^63 - 1 bytes are a device of 2^63 - 512.
size=$(((1 << 62) - 512 + (1 << 62)))
start_nbdkit unix null 9223372036854775807
attach "$uri"
grep -q 'last 511 bytes' "$T/err" || fail "no word of the rest: $(cat "$T/err")"
[ "$(bytes)" = $size ] || fail "$(bytes) bytes, not 2^63 - 512"
dd if="$dev" of=/dev/null bs=512 skip=$(((size >> 9) - 1)) count=1 \
	iflag=direct status=none || fail "the last sector"
detach "$dev"

start_nbdkit unix memory $(((1 << 20) + 3000))
attach -b 4096 "$uri"
grep -q 'last 3000 bytes' "$T/err" || fail "no word of the rest: $(cat "$T/err")"
[ "$(bytes)" = $((1 << 20)) ] || fail "$(bytes) bytes, not 1 MiB"
at $(((1 << 20) - 65536))
detach "$dev"
attach "$uri"
[ "$(bytes)" = $(((1 << 20) + 2560)) ] || fail "$(bytes) bytes, not 1 MiB + 2560"
detach "$dev"

start_nbdkit unix --filter=blocksize-policy memory 1M blocksize-minimum=1 \
	blocksize-preferred=512 blocksize-maximum=2048
refused 5 'at most 2048 bytes in a request, this kernel needs 4096' \
	nbdctl attach "$uri"
start_nbdkit unix memory 300
refused 5 'less than one block' nbdctl attach "$uri"
start_nbdkit unix memory 0
refused 5 'size 0' nbdctl attach "$uri"
nothing_left

# A first disk, an odd one, and the first one again.
unload_module
load_module
start_nbdkit unix memory 64M
first=$uri
attach "$first" nbd0
settings >"$T/before"
detach "$dev"
start_nbdkit unix --filter=blocksize-policy eval blocksize-minimum=4096 \
	blocksize-preferred=64K blocksize-maximum=256K get_size='echo 1G' \
	pread="dd if=/dev/zero bs=\$3 count=1" is_rotational='exit 0'
attach -r --read-ahead 1M --max-request 128K --timeout 7 "$uri" nbd0
expect_queue rotational 1
expect_queue read_ahead_kb 1024
expect_queue max_sectors_kb 128
settings >"$T/odd"
[ "$(diff "$T/before" "$T/odd" | grep -c '^>')" -ge 8 ] ||
	fail "not odd enough: $(diff "$T/before" "$T/odd")"
detach "$dev"
attach "$first" nbd0
settings >"$T/after"
diff "$T/before" "$T/after" >"$T/diff" || fail "left over: $(cat "$T/diff")"
expect_queue rotational 0
detach "$dev"
