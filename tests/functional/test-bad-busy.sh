#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A device that is attached cannot be attached again.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix memory 16M
first=$uri
attach "$uri" nbd0
start_nbdkit tcp memory 32M
refused_attached 6 "nbd0.*attached" nbdctl attach "$uri" nbd0
refused_attached 6 "nbd0.*attached" nbdctl attach "$uri" /dev/nbd0
wait_for 5 no_connection_left || fail "left: $(established)"
[ "$(cat /sys/block/nbd0/backend)" = "$first" ] || fail "the backend changed"
[ "$(blockdev --getsize64 "$dev")" = $((16 << 20)) ] || fail "the size changed"
detach "$dev"
nothing_left
