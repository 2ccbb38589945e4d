#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# pid and backend are on the disk while it is attached, size and backend say
# what it is.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix memory 16M
idle nbd0
[ ! -e /sys/block/nbd0/backend ] || fail "backend before attach"
attach "$uri" nbd0
[[ $(cat /sys/block/nbd0/pid) =~ ^[1-9][0-9]*$ ]] || fail "pid"
[ "$(cat /sys/block/nbd0/backend)" = "$uri" ] ||
	fail "backend $(cat /sys/block/nbd0/backend)"
[ "$(cat /sys/block/nbd0/size)" = $((16 << 11)) ] || fail "size"
[ "$(stat -c %t:%T "$dev")" = 2b:0 ] || fail "number $(stat -c %t:%T "$dev")"
detach "$dev"
idle nbd0
[ ! -e /sys/block/nbd0/backend ] || fail "backend after detach"
