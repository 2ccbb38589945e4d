#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# STATUS of the netlink family as programs for the kernel's own driver use it:
# one device, all devices, one that does not exist.
# leaks: yes
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit python3
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
