#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A device whose server is gone: detach without --force ends in bounded time
# and either works or says that --force does.
# cpus: 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix memory 16M
attach -C 2 "$uri"
dd if=/dev/zero of="$dev" bs=64k count=4 oflag=direct status=none
kill -9 "$server_pid"
wait_for 5 state_is "$dev" dead || fail "state $(field "$dev" .state)"
status=0
took timeout $((30 * slow)) nbdctl detach "$dev" 2>"$T/err" || status=$?
[ "$seconds" -le $((5 * slow)) ] || fail "detach took $seconds s"
if [ $status != 0 ]; then
	grep -q -- '--force' "$T/err" || fail "detach said: $(cat "$T/err")"
	detach --force "$dev"
fi
idle "$dev"
