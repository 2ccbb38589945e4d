#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# STATUS of the netlink family as programs for the kernel's own driver use it:
# one device, all devices, one that does not exist. The answers are those of that driver,
# byte for byte.
# leaks: yes
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit nbd-client python3
status()
{
	/usr/bin/python3 "$(dirname "$0")/../servers/nbd-status" "$@"
}
start_nbdkit unix memory 1M
# Every disk that there is: the first 16, and what other tests have added.
disks=$(find /sys/block -name 'nbd*' | wc -l)
[ "$disks" -ge 16 ] && [ "$(status | wc -l)" = "$disks" ] ||
	fail "$disks disks, STATUS of all: $(status)"
! status | grep -v ' 0$' || fail "something is connected"
attach "$uri" nbd2
[ "$(status 2)" = "2 1" ] || fail "STATUS of 2: $(status 2)"
[ "$(status 3)" = "3 0" ] || fail "STATUS of 3: $(status 3)"
[ "$(status | grep -v ' 0$')" = "2 1" ] || fail "STATUS of all: $(status)"
detach "$dev"
[ "$(status 2)" = "2 0" ] || fail "STATUS of 2: $(status 2)"

# answers NAME: of the devices that a driver begins with, one of which is attached.
answers()
{
	timeout $((30 * slow)) nbd-client -unix "$sock" /dev/nbd2 >"$T/nbd-client.log" 2>&1 ||
		fail "$1: nbd-client: status $?"
	wait_for 10 attached nbd2 || fail "$1: not attached"
	status --bytes 2 3 15 16 4000 1048575 2147483647 2147483648 4294967294 >"$T/$1"
	timeout $((30 * slow)) nbd-client -d /dev/nbd2 >"$T/nbd-client.log" 2>&1 ||
		fail "$1: nbd-client -d: status $?"
	wait_for 10 not_attached nbd2 || fail "$1: still attached"
}
[ "$disks" = 16 ] || { unload_module && load_module; }
answers ours
unload_module
modprobe --ignore-install nbd || skip "no stock module"
answers stock
rmmod nbd
load_module
diff "$T/stock" "$T/ours" >"$T/diff" || fail "not as the stock driver: $(head -n 20 "$T/diff")"
say "the same $(wc -l <"$T/stock") answers"
