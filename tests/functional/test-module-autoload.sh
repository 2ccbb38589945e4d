#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nbdctl attach loads the module if it is missing, as modprobe would, and takes the
# first device although somebody has it open for a moment, as udev has; also when the
# module was loaded by hand. Who keeps it open keeps it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
asked_again()
{
	[ "$(grep -sc Connect "$T/asked")" -gt "${1:-0}" ]
}
start_nbdkit unix memory 16M
unload_module
mkdir -p /run/modprobe.d
printf 'install nbd /sbin/insmod %s nbds_max=3\n' "$NBD_KO" \
	>/run/modprobe.d/nbd-test.conf
at_exit rm -f /run/modprobe.d/nbd-test.conf
# Who only looks does not load it, nor who has nothing to detach.
expect_status 0 nbdctl list
[ ! -s "$T/out" ] || fail "list says: $(cat "$T/out")"
refused 9 'not loaded' nbdctl status nbd0
expect_status 0 nbdctl detach --all
refused 9 'not loaded' nbdctl detach nbd0
[ ! -e /sys/module/nbd ] || fail "the module is loaded"
until { exec 8</dev/nbd0; } 2>/dev/null; do
	sleep 0.01
done && sleep 1 &
attach "$uri"
[ "$dev" = /dev/nbd0 ] || fail "it took $dev"
wait
[ "$(cat /sys/module/nbd/parameters/nbds_max)" = 3 ] || fail "nbds_max"
detach "$dev"
start_nbdkit unix --filter=log memory 16M logfile="$T/asked"
# nbdctl waits for a second; who is slow here may take longer.
for ((try = 1; ; try++)); do
	rm -f "$T/open"
	asked=$(grep -sc Connect "$T/asked") || true
	(
		exec 8</dev/nbd0
		touch "$T/open"
		# Until the server has been asked, and the kernel is.
		wait_for 20 asked_again "$asked"
		sleep 0.1
	) &
	wait_for 5 test -e "$T/open" || fail "nobody has it open"
	attach "$uri"
	wait $!
	detach "$dev"
	[ "$dev" != /dev/nbd0 ] || break
	[ $try -lt 3 ] || fail "it took $dev"
done
exec 8</dev/nbd0
attach "$uri"
[ "$dev" = /dev/nbd1 ] || fail "it took $dev, not /dev/nbd1"
exec 8<&-
detach "$dev"
unload_module
load_module
