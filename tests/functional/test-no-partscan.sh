#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --no-partscan: no partitions, not on attach and not on a later open.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit sfdisk
start_nbdkit unix memory 64M
attach "$uri"
expect_field "$dev" .partscan true
printf 'label: gpt\nsize=16M\n' | sfdisk -q "$dev" 2>"$T/sfdisk.log" ||
	fail "sfdisk"
detach "$dev"
attach --no-partscan "$uri"
expect_field "$dev" .partscan false
dd if="$dev" of=/dev/null bs=64k count=1 status=none
[ -z "$(ls -d "/sys/block/$name/${name}p"* 2>/dev/null)" ] ||
	fail "there are partitions"
detach "$dev"
# The next attach looks again.
attach "$uri"
[ -b "${dev}p1" ] || fail "no ${dev}p1 after an attach without the option"
detach "$dev"
