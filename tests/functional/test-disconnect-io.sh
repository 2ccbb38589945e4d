#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Netlink DISCONNECT, as nbd-client -d sends it, while I/O runs.
# cpus: 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio nbd-client
start_nbdkit tcp memory 64M
attach -C 4 "$uri"
run_io "$dev"
took timeout $((20 * slow)) nbd-client -d "$dev" >"$T/nbd-client.log" 2>&1 ||
	fail "nbd-client -d"
[ "$seconds" -le $((5 * slow)) ] || fail "nbd-client -d took $seconds s"
io_fails 5
wait_for 5 not_attached "$dev" || fail "still attached"
idle "$dev"
