#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# With fewer descriptors than connections attach says that they are lacking, at once, and
# not that the server is to blame; with the standard ones closed, no connection gets their
# numbers.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit prlimit
start_nbdkit unix memory 16M
took refused 1 'open files' prlimit --nofile=40 nbdctl attach -C 64 "$uri"
[ "$seconds" -lt $((8 * slow)) ] || fail "it takes $seconds s"
# As many as there are, but for those that are open already.
refused 1 'open files' prlimit --nofile=64 nbdctl attach -C 64 "$uri"
expect_status 0 prlimit --nofile=128 nbdctl attach -C 64 "$uri" nbd0
detach nbd0
nothing_left

# Descriptors that are closed from the beginning do not become connections, which messages
# would go over: there is one about having one connection only.
start_nbdkit unix --filter=multi-conn memory 16M multi-conn-mode=disable
timeout $((30 * slow)) nbdctl attach -C 4 "$uri" nbd0 <&- >"$T/out" 2>&- ||
	fail "attach without a standard error: status $?"
[ "$(cat "$T/out")" = /dev/nbd0 ] || fail "attach printed $(cat "$T/out")"
expect_field nbd0 '[.connections[].failures] | add' 0
detach nbd0
! timeout $((30 * slow)) nbdctl attach "$uri" nbd0 >&- 2>"$T/err" ||
	fail "attach without a standard output succeeds"
grep -q 'cannot write the output' "$T/err" || fail "it said: $(cat "$T/err")"
nothing_attached
