#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The server is killed while I/O runs over tcp: I/O ends promptly with EIO, and
# the device can be detached.
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
start_nbdkit tcp memory 64M
attach -C 4 "$uri"
run_io "$dev"
kill -9 "$server_pid"
io_fails 5
wait_for 5 state_is "$dev" dead || fail "state $(field "$dev" .state)"
expect_field "$dev" .connections_live 0
! dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none \
	2>"$T/err" || fail "a read succeeded"
grep -q 'Input/output error' "$T/err" || fail "not EIO: $(cat "$T/err")"
expect_status 0 nbdctl detach --force "$dev"
idle "$dev"
