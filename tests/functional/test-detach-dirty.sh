#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# detach writes back what is dirty in the page cache, and flushes.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
truncate -s 16M "$T/disk"
start_nbdkit unix --filter=log file "$T/disk" logfile="$T/ops.log"
attach "$uri"
head -c 8M /dev/urandom >"$T/data"
dd if="$T/data" of="$dev" bs=1M conv=notrunc status=none
detach "$dev"
cmp -n $((8 << 20)) "$T/data" "$T/disk" || fail "the server has other data"
grep -q Flush "$T/ops.log" || fail "no flush was sent"
wait_for 5 grep -q Disconnect "$T/ops.log" || fail "no orderly disconnect"
