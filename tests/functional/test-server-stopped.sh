#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that stops answering: with --timeout the I/O fails in bounded time
# (hazard 14).
# leaks: yes
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix memory 16M
attach --timeout 3 --no-partscan "$uri"
kill -STOP "$server_pid"
status=0
took timeout $((60 * slow)) dd if="$dev" of=/dev/null bs=4k count=1 \
	iflag=direct status=none 2>"$T/err" || status=$?
[ $status = 1 ] || fail "dd: status $status after $seconds s: $(cat "$T/err")"
say "the read failed after $seconds s"
[ "$seconds" -ge 2 ] || fail "the read failed too early"
[ "$seconds" -le $((15 * slow)) ] || fail "the read took too long"
took expect_status 0 nbdctl detach --force "$dev"
[ "$seconds" -le $((5 * slow)) ] || fail "detach took $seconds s"
idle "$dev"
