#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that does not promise multi-conn: one connection is used although
# more are asked for, and nbdctl says so.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit qemu-nbd
start_nbdkit unix --filter=multi-conn memory 16M multi-conn-mode=disable
attach -C 4 "$uri"
one_connection()
{
	[ "$(wc -l <"$T/err")" = 1 ] && grep -q 'using 1 connection' "$T/err" ||
		fail "nbdctl said: $(cat "$T/err")"
	expect_field "$dev" .connections_total 1
	wait_for 5 one_established || fail "connections: $(established)"
	dd if=/dev/zero of="$dev" bs=64k count=4 oflag=direct status=none
}
one_established()
{
	[ "$(established | wc -l)" = 1 ]
}
one_connection
detach "$dev"
# qemu-nbd for one client greets only one; that does not take the time that
# a silent server would.
truncate -s 16M "$T/disk"
start_qemu_nbd tcp 1 "$T/disk"
took attach -C 4 "$uri"
[ "$seconds" -le $((5 * slow)) ] || fail "attach took $seconds s"
one_connection
detach "$dev"
nothing_left
