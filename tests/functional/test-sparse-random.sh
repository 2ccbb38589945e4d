#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The integrity test of multi-conn: what a server with known contents gives is
# written back to it, and it refuses anything else.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix sparse-random size=48M seed=1 percent=40
attach -C 4 "$uri"
expect_field "$dev" .connections_live 4
dd if="$dev" of="$T/copy" bs=256k iflag=direct status=none
cmp -s -n $((48 << 20)) "$T/copy" /dev/zero && fail "nothing but zeroes"
dd if="$T/copy" of="$dev" bs=256k oflag=direct conv=fsync status=none ||
	fail "the server got other data than it gave"
# Through the page cache too, where requests are merged and split.
dd if="$T/copy" of="$dev" bs=1M conv=fsync status=none ||
	fail "the server got other data than it gave (buffered)"
# It does look: one byte that differs is refused.
printf x | dd of="$T/copy" bs=1 seek=12345678 conv=notrunc status=none
! dd if="$T/copy" of="$dev" bs=256k oflag=direct status=none 2>"$T/err" ||
	fail "the server took data that differ"
detach "$dev"
