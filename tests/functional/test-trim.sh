#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Trims reach the server whole: one command for as much as 32 bits can say, and
# none that is not a multiple of the server's block. What file systems discard
# is what was free.
# timeout: 150
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit blkdiscard fstrim mkfs.ext4 mkfs.xfs
ops=$T/ops
# mark: from here on the log counts.
mark()
{
	line=$(wc -l <"$ops")
}
# trims: offset and length of those since mark, one a line.
trims()
{
	tail -n "+$((line + 1))" "$ops" |
		sed -nE 's/.* Trim .*offset=(0x[0-9a-f]+) count=(0x[0-9a-f]+).*/\1 \2/p'
}
# trimmed: sets commands and bytes; all must be in whole blocks of the server.
trimmed()
{
	local offset count

	commands=0 bytes=0
	while read -r offset count; do
		commands=$((commands + 1))
		bytes=$((bytes + count))
		[ $(((offset | count) % 4096)) = 0 ] ||
			fail "a trim that is not aligned: $offset $count"
	done < <(trims)
	say "$commands trims, $((bytes >> 20)) MiB"
}

# A disk of 10 GiB is two commands of 4 GiB, less a block, and a rest.
start_nbdkit unix --filter=log --filter=blocksize-policy memory 10G \
	blocksize-minimum=4096 blocksize-preferred=4096 \
	blocksize-maximum=32M blocksize-error-policy=error logfile="$ops"
attach --no-partscan "$uri"
mark
blkdiscard "$dev"
trimmed
[ $bytes = $((10 << 30)) ] || fail "blkdiscard trimmed $bytes bytes"
[ $commands = 3 ] || fail "blkdiscard was $commands trims: $(trims)"
mark
blkdiscard -o 1M -l 12K "$dev"
[ "$(trims)" = '0x100000 0x3000' ] || fail "a small trim: $(trims)"

# Writes with FUA.
mark
dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct,dsync status=none
grep -q ' Write .*fua=1' < <(tail -n "+$((line + 1))" "$ops") || fail "no FUA"

mark
mkfs.ext4 -q -E discard,lazy_itable_init=1 "$dev"
trimmed
[ $bytes -ge $((9 << 30)) ] || fail "mkfs.ext4 trimmed $bytes bytes"
mount_at "$dev" "$T/mnt"
dd if=/dev/urandom of="$T/mnt/file" bs=1M count=32 status=none
sum=$(sha256sum <"$T/mnt/file")
cp "$T/mnt/file" "$T/mnt/other"
sync "$T/mnt"
rm "$T/mnt/other"
mark
fstrim "$T/mnt"
trimmed
[ $bytes -ge $((8 << 30)) ] || fail "fstrim trimmed $bytes bytes"
umount "$T/mnt"
mount_at "$dev" "$T/mnt"
[ "$(sha256sum <"$T/mnt/file")" = "$sum" ] || fail "fstrim trimmed a file"
umount "$T/mnt"

mark
mkfs.xfs -q -f "$dev"
trimmed
[ $bytes = $((10 << 30)) ] || fail "mkfs.xfs trimmed $bytes bytes"
detach "$dev"

# A server without trim. Its scripts expand their own arguments.
# shellcheck disable=SC2016
start_nbdkit unix eval get_size='echo 64M' pread='head -c "$3" /dev/zero' \
	pwrite='cat >/dev/null'
attach --no-partscan "$uri"
expect_queue discard_max_bytes 0
expect_status 1 blkdiscard "$dev"
grep -q 'not supported' "$T/err" || fail "not told: $(cat "$T/err")"
detach "$dev"
