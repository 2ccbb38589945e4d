#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# xfs: make, mount, copy a tree, unmount, check, attach again, compare.
# cpus: 2
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

tree=/usr/include/x86_64-linux-gnu/bits
requires nbdkit mkfs.xfs xfs_repair
[ -d $tree ] || skip "no $tree"
start_nbdkit unix memory 320M
attach -C 4 "$uri"
mkfs.xfs -q "$dev" >"$T/mkfs.log" 2>&1 || fail "mkfs"
mount_at "$dev" "$T/mnt"
cp -a $tree "$T/mnt/tree"
dd if=/dev/urandom of="$T/mnt/large" bs=1M count=8 status=none
want=$(tree_hash "$T/mnt")
umount "$T/mnt"
xfs_repair -n "$dev" >"$T/fsck.log" 2>&1 || fail "the file system has errors"
detach "$dev"

attach "$uri"
mount_at "$dev" "$T/mnt"
[ "$(tree_hash "$T/mnt")" = "$want" ] || fail "the files differ"
[ "$(tree_hash "$T/mnt/tree")" = "$(tree_hash $tree)" ] ||
	fail "the copy differs from the original"
umount "$T/mnt"
detach "$dev"
