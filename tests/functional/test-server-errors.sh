#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An error of the server reaches the user as itself and leaves the
# connection up.
# leaks: yes
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix --filter=error memory 64M error-pwrite=ENOSPC \
	error-pwrite-rate=1
attach --no-partscan "$uri"
! LC_ALL=C dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct \
	2>"$T/dd.log" || fail "a write went through"
grep -q 'No space left' "$T/dd.log" || fail "not ENOSPC: $(cat "$T/dd.log")"
dd if="$dev" of=/dev/null bs=4k count=4 iflag=direct 2>/dev/null ||
	fail "reads fail too"
nbdctl status --json "$dev" | jq -e '.devices[0] | .connections_live == 1 and
	.connections[0].errors >= 1' >/dev/null || fail "errors not counted"
detach "$dev"
