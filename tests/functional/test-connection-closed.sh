#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One of four UNIX connections is closed by the other end while I/O runs: as
# connection-reset. A proxy stands between, which closes on demand.
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires qemu-nbd fio python3
moved_on()
{
	[ "$(served "$dev")" -gt $((before + 200)) ]
}
truncate -s 32M "$T/disk"
start_qemu_nbd unix 4 "$T/disk"
server=$server_pid
start_captive unix "proxy:$sock"
attach -C 4 --no-partscan "$uri"
expect_field "$dev" .connections_live 4
run_io "$dev" --bs=4k
closed=$SECONDS
kill -USR1 "$server_pid"
wait_for 10 live_is 3 || ! gone "$server" ||
	fail "the real server died"
live_is 3 || fail "$(field "$dev" .connections_live) live, not 3"
before=$(served "$dev")
wait_for 10 moved_on || fail "the I/O stands still"
! gone "$io_pid" || fail "the I/O failed: $(cat "$T/io.out")"
expect_field "$dev" '[.connections[] | select(.state == "down" and
	.failures == 1)] | length' 1
# Since when: not before that, and longer each time.
down_ms()
{
	field "$dev" '.connections[] | select(.state == "down") | .state_ms'
}
first=$(down_ms)
[ "$first" -le $(((SECONDS - closed + 1) * 1000)) ] || fail "down for $first ms already"
sleep 1
second=$(down_ms)
[ "$second" -ge $((first + 1000)) ] || fail "down for $first ms, then $second"
kill -INT "$io_pid"
wait "$io_pid" || true
grep -q 'err= 0' "$T/io.log" || fail "the I/O failed: $(cat "$T/io.out")"
verify "$dev" 4M
detach "$dev"
idle "$dev"
