#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Partitions of the export are there when attach returns, can be used, and
# vanish with the device.
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit sfdisk
start_nbdkit unix memory 64M
attach "$uri"
printf 'label: gpt\nsize=16M\nsize=24M\n' | sfdisk -q "$dev" 2>"$T/sfdisk.log" ||
	fail "sfdisk"
detach "$dev"
[ ! -e "${dev}p1" ] || fail "${dev}p1 outlived the detach"

attach "$uri"
# No waiting: attach prints the device once its partitions are there.
[ -b "${dev}p1" ] && [ -b "${dev}p2" ] || fail "no ${dev}p1, ${dev}p2"
[ "$(blockdev --getsize64 "${dev}p2")" = $((24 << 20)) ] ||
	fail "size of ${dev}p2"
dd if=/dev/urandom of="$T/data" bs=64k count=4 status=none
dd if="$T/data" of="${dev}p2" bs=64k oflag=direct status=none
start=$(cat "/sys/block/$name/${name}p2/start")
dd if="$dev" bs=512 skip="$start" count=512 iflag=direct status=none |
	cmp - "$T/data" || fail "the partition is not where it should be"
mkfs.ext4 -q "${dev}p1"
mount_at "${dev}p1" "$T/mnt"
refused_attached 6 "mounted on $T/mnt" nbdctl detach "$dev"
umount "$T/mnt"
detach "$dev"
[ ! -e "${dev}p1" ] && [ ! -e "/sys/block/$name/${name}p1" ] ||
	fail "${dev}p1 outlived the detach"
