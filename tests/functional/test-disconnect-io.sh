#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Netlink DISCONNECT, as nbd-client -d sends it, while I/O runs. The server is slower
# than the second for which it may still answer: what is in flight fails. (A fast one
# may answer all of it, and what comes when the size is gone ends in its own way.)
# cpus: 2
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio nbd-client
start_nbdkit tcp --filter=delay memory 64M rdelay=3 wdelay=3
attach -C 4 --no-partscan "$uri"
run_io "$dev"
took timeout $((20 * slow)) nbd-client -d "$dev" >"$T/nbd-client.log" 2>&1 ||
	fail "nbd-client -d"
[ "$seconds" -le $((5 * slow)) ] || fail "nbd-client -d took $seconds s"
io_fails 5
wait_for 5 not_attached "$dev" || fail "still attached"
idle "$dev"
