#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# rmmod is refused while a device is attached, even unused, and clean
# otherwise; load and unload may be repeated.
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix memory 16M
attach -C 2 "$uri"
! rmmod nbd 2>"$T/err" || fail "rmmod removed a module in use"
grep -q 'in use' "$T/err" || fail "rmmod said: $(cat "$T/err")"
dd if="$dev" of=/dev/null bs=64k count=4 iflag=direct status=none
detach "$dev"
for _ in 1 2 3 4 5; do
	unload_module
	[ ! -e /sys/block/nbd0 ] && [ ! -e /dev/nbd0 ] || fail "nbd0 is left"
	! grep -q ' nbd$' /proc/devices || fail "the major number is left"
	load_module
	attach "$uri"
	detach "$dev"
done
# A killed server, nobody detached: still refused, then clean.
attach "$uri"
kill -9 "$server_pid"
wait_for 5 state_is "$dev" dead || fail "state $(field "$dev" .state)"
! rmmod nbd 2>"$T/err" || fail "rmmod removed a module in use"
detach --force "$dev"
unload_module
load_module
