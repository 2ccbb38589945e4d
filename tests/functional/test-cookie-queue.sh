#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Several tags may lead to one request: hardware queues share them, and one that is free
# still leads to the request that had it last. A reply ends a request only if it has the
# cookie that the request was sent with, and not another one that leads to it.
# cpus: 2
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3
echo other >"$T/rules"
start_scripted hostile unix "$T/rules"
attach -C 2 --no-partscan "$uri"
expect_field "$dev" .hw_queues 2
read_block()
{
	timeout $((30 * slow)) dd if="$dev" of="$T/block" bs=4k skip="$1" count=1 \
		iflag=direct status=none 2>"$T/err"
}
read_block 7 || fail "cannot read the first half: $(cat "$T/err")"
! read_block 200 || fail "a reply with another cookie ended the read"
grep -q 'Input/output error' "$T/err" || fail "not EIO: $(cat "$T/err")"
wait_for 10 state_is "$dev" dead || fail "state $(field "$dev" .state)"
expect_field "$dev" '[.connections[].failures] | add' 2
timeout $((20 * slow)) nbdctl detach --force "$dev" 2>"$T/err" ||
	fail "cannot detach: $(cat "$T/err")"
