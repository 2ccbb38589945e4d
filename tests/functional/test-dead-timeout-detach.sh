#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# detach --force does not wait for --dead-timeout: what is parked ends at once.
# leaks: yes
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
start_nbdkit unix memory 16M
attach -C 2 --dead-timeout 600 --no-partscan "$uri"
run_io "$dev"
kill -9 "$server_pid"
wait_for 5 state_is "$dev" parked || fail "state $(field "$dev" .state)"
sleep 1
! gone "$io_pid" || fail "the I/O did not wait"
took expect_status 0 nbdctl detach --force "$dev"
[ "$seconds" -le $((5 * slow)) ] || fail "detach took $seconds s"
io_fails 5
wait_for 5 not_attached "$dev" || fail "still attached"
idle "$dev"
