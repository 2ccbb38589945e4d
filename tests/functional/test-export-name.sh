#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that knows only EXPORT_NAME, the oldest way, can be used.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix --mask-handshake=0 memory 16M
attach "$uri"
[ "$(blockdev --getsize64 "$dev")" = $((16 << 20)) ] || fail "size"
dd if=/dev/urandom of="$T/data" bs=64k count=8 status=none
dd if="$T/data" of="$dev" bs=64k oflag=direct status=none
dd if="$dev" bs=64k count=8 iflag=direct status=none | cmp - "$T/data" ||
	fail "wrong data"
detach "$dev"
idle "$dev"
