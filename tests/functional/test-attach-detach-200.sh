#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 200 times attach, a read, detach: no slab grows with it, no socket and no
# file of the server stays. Fewer rounds on a kernel that looks for leaks
# itself.
# timeout: 400
# leaks: yes
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
rounds=200
[ ! -e /sys/kernel/debug/kmemleak ] || rounds=40
# What a processor keeps at hand counts as active, free or not: it is to keep
# little, and to give that back before objects are counted.
slabs=/sys/kernel/slab
declare -A kept=()
keep_again()
{
	local cache

	for cache in "${!kept[@]}"; do
		echo "${kept[$cache]}" >"$cache"
	done
}
for cache in "$slabs"/*/cpu_partial; do
	kept[$cache]=$(<"$cache")
	[ "${kept[$cache]}" = 0 ] || echo 0 >"$cache"
done
at_exit keep_again
# snapshot FILE: active objects of the caches that a disk, its requests and its
# sockets come from. (vmap_area is none: freed stacks of processes linger there.)
# Between giving back and counting no program is started.
snapshot()
{
	local cache lines

	for _ in 1 2; do
		sync
		echo 3 >/proc/sys/vm/drop_caches
		sleep 1
	done
	for cache in "$slabs"/*/shrink; do
		echo 1 >"$cache"
	done
	mapfile -t lines </proc/slabinfo
	printf '%s\n' "${lines[@]}" |
		awk 'NR > 2 && /^(nbd|kmalloc-|blkdev_|request_queue|bdev_cache|TCP|UNIX|sock_inode|filp|kernfs_node|radix_tree)/ {
			print $1, $2 }' | sort >"$T/$1"
}
# Caches that have lost an object or more in most rounds of both halves. What
# grows in one half only is a cache that filled up for other reasons.
leaks()
{
	join "$T/begin" "$T/middle" | join - "$T/end" |
		awk -v least="$((rounds * 3 / 8))" \
			'$3 - $2 >= least && $4 - $3 >= least'
}
server_fds()
{
	find "/proc/$server_pid/fd" -type l | wc -l
}
cycle()
{
	nbdctl attach -C 2 "$uri" nbd0 >"$T/out" 2>"$T/err" ||
		fail "attach: $(cat "$T/err")"
	dd if=/dev/nbd0 of=/dev/null bs=4k count=1 iflag=direct status=none
	nbdctl detach nbd0 2>"$T/err" || fail "detach: $(cat "$T/err")"
}
cycles()
{
	for ((i = 0; i < $1; i++)); do cycle; done
}
start_nbdkit unix memory 16M
cycles 10
snapshot begin
fds=$(server_fds)
cycles $((rounds / 2))
snapshot middle
cycles $((rounds / 2))
snapshot end
# With a debug kernel's own bookkeeping the slabs say nothing; it has kmemleak.
[ -e /sys/kernel/debug/kmemleak ] || [ -z "$(leaks)" ] ||
	fail "caches that grow with each round: $(leaks)"
[ "$(server_fds)" -le "$fds" ] || fail "the server has $(server_fds) files, not $fds"
idle nbd0
nothing_left
