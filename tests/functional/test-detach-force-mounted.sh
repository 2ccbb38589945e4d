#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# detach --force of a mounted device: the file system gets errors, nothing
# hangs, and the device can be attached again after the unmount.
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit mkfs.ext4
start_nbdkit unix memory 64M
attach -C 2 "$uri"
mkfs.ext4 -q "$dev"
mount_at "$dev" "$T/mnt"
(while :; do
	dd if=/dev/zero of="$T/mnt/file" bs=256k count=16 conv=fsync || exit 0
done) >"$T/dd.log" 2>&1 &
writer=$!
sleep 1
took expect_status 0 nbdctl detach --force "$dev"
[ "$seconds" -le $((5 * slow)) ] || fail "detach took $seconds s"
wait_for 20 gone $writer || fail "the writer hangs"
timeout $((20 * slow)) umount "$T/mnt" || fail "umount"
wait_for 5 not_attached "$dev" || fail "still attached"
attach "$uri" "$dev"
e2fsck -fy "$dev" >"$T/fsck.log" 2>&1 || [ $? -le 2 ] || fail "e2fsck: $?"
detach "$dev"
