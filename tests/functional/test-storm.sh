#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Four threads do everything to the same few devices at once: attach, detach, read,
# write, resize, other sockets, schedulers, ioctls, connections cut, servers killed, the
# module unloaded. Nothing hangs, and afterwards everything is as after loading. A
# kernel that looks for faults gets three times as long; what the module allocates fails
# now and then and replies get lost where the kernel can do that. NBD_STORM_SEED repeats
# what a storm decided, NBD_STORM_SECONDS makes it last longer; twenty minutes in make
# soak.
# timeout: 200
# soak: 1800
# leaks: yes
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3 nbdkit fio ss
seed=${NBD_STORM_SEED:-$RANDOM$RANDOM} status=0 seconds=20
[ ! -e /proc/lockdep_stats ] || seconds=60
[ -z "${NBD_SOAK:-}" ] || seconds=1200
seconds=${NBD_STORM_SECONDS:-$seconds}
say "seed $seed"
modprobe -q bfq || true
# To open a device that is gone must not load the kernel's own driver.
modprobe=$(cat /proc/sys/kernel/modprobe)
at_exit eval "echo $modprobe >/proc/sys/kernel/modprobe"
echo /bin/false >/proc/sys/kernel/modprobe
calm()
{
	local fault

	for fault in failslab fail_io_timeout; do
		[ ! -e /sys/kernel/debug/$fault ] ||
			echo 0 >/sys/kernel/debug/$fault/probability
	done
}
at_exit calm
listen_on tcp
timeout $((seconds + 90 * slow)) /usr/bin/python3 "$(dirname "$0")/../servers/storm" \
	"$seconds" $((40 * slow)) "$seed" "$NBD_KO" "$T/sock" "$port" \
	>"$T/storm.log" 2>&1 || status=$?
cat "$T/storm.log"
[ $status = 0 ] || fail "storm of seed $seed: status $status"

nothing_attached
unload_module
load_module
start_nbdkit unix memory 32M
for n in 0 1 2 3; do
	attach -C 2 "$uri" nbd$n
	verify "$dev" 1M
	detach "$dev"
	idle "$dev"
done
