#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# detach --force while I/O runs: both end promptly, the I/O with errors
# (hazard 7).
# cpus: 2
# leaks: yes
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
start_nbdkit unix memory 64M
for round in 1 2 3; do
	attach -C 4 "$uri"
	run_io "$dev"
	took expect_status 0 nbdctl detach --force "$dev"
	[ "$seconds" -le $((5 * slow)) ] || fail "detach took $seconds s"
	io_fails 5
	wait_for 5 not_attached "$dev" || fail "round $round: still attached"
	idle "$dev"
done
