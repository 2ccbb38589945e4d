#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whichever allocation fails in attach, detach, resize, reconnect, DO_IT, a read or the
# loading of the module: it ends with ENOMEM and has changed nothing, or goes on
# without. Needs a kernel with failslab; the leaks are looked for after all tests. make
# soak has each of them fail, make check a sample.
# skips: stock
# timeout: 150
# soak: 2000
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3 nbdkit
[ -e /sys/kernel/debug/failslab/stacktrace-depth ] || skip "a kernel without failslab"
every=4
[ -z "${NBD_SOAK:-}" ] || every=1
start_nbdkit unix memory 4M
start_nbdkit tcp memory 4M
status=0
timeout $((140 * slow)) /usr/bin/python3 "$(dirname "$0")/../servers/no-memory" \
	"$NBD_KO" "$T/sock1" "$port" $every >"$T/no-memory.log" 2>&1 || status=$?
cat "$T/no-memory.log"
[ $status = 0 ] || fail "status $status"
grep -q 'all as expected' "$T/no-memory.log" || fail "did not come to its end"
nothing_attached
unload_module
load_module
