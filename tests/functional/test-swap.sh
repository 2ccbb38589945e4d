#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Swap on the device, over TCP and UNIX: a program that may not have all of its memory
# gets it back as it was. To bring a page back the lock of a socket is taken under locks
# that other sockets' programs take under theirs, which lockdep has to tell apart.
# timeout: 120
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit mkswap swapon swapoff python3
memory_group 16M
stop_swapping()
{
	! grep -q "^$dev " /proc/swaps || swapoff "$dev"
}
at_exit stop_swapping
hog()
{
	echo "$BASHPID" >"$group/cgroup.procs"
	exec "$(dirname "$0")/../servers/hog" 32 0
}
for transport in tcp unix; do
	start_nbdkit $transport memory 64M
	attach -C 2 --no-partscan "$uri"
	mkswap "$dev" >"$T/mkswap.log" 2>&1
	swapon "$dev" || fail "swapon"
	(hog) >"$T/hog.out" 2>&1 || fail "$transport: the hog: $(cat "$T/hog.out")"
	grep -q '^round 1$' "$T/hog.out" || fail "$transport: not one round"
	say "$transport: $(swapped) pages swapped"
	[ "$(swapped)" -ge 4096 ] || fail "$transport: only $(swapped) pages swapped"
	stop_swapping
	detach "$dev"
done
