#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A program uses more memory than it may have, all swap is on the device, and the server
# is killed and started again: nobody is killed for memory, no page comes back wrong. What
# attach left for the monitor is in the swap, too, which must not keep it from
# connecting again, nor one that is started just then, nor `nbdctl status`.
# timeout: 120
# soak: 2000
# debug: soak
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit mkswap swapon python3
here=$(dirname "$0")/../servers
[ -z "${NBD_SOAK:-}" ] || : "${NBD_KILLS:=20}"
kills=${NBD_KILLS:-3}
export NBDCTL_RUN_DIR=$T/run
mkdir "$T/ram"
mount -t ramfs ramfs "$T/ram"
mounts+=("$T/ram")
memory_group 200M
# of_group FILE NAME: the number behind it.
of_group()
{
	awk -v name="$2" '$1 == name { print $2 }' "$group/$1"
}
# What processes of the group have in memory, also what they write to the tmpfs that
# the run directory is in, counts for it and can be swapped.
attach_in_group()
{
	echo "$BASHPID" >"$group/cgroup.procs"
	exec nbdctl attach -C 2 --persist --no-partscan \
		--alternate "nbd+unix:///?socket=$T/nowhere" "$uri" /dev/nbd0
}
truncate -s 512M "$T/ram/disk"
start_nbdkit tcp file "$T/ram/disk"
(attach_in_group) >"$T/attach.log" 2>&1 || fail "attach: $(cat "$T/attach.log")"
dev=/dev/nbd0 name=nbd0
start_monitor()
{
	nbdctl monitor 2>>"$T/monitor.log" &
	monitor=$!
}
start_monitor
mkswap "$dev" >"$T/mkswap.log" 2>&1
swapon "$dev" 2>"$T/swapon.log" || fail "swapon: $(cat "$T/swapon.log")"
# stop_swapping: also when the test ended with no server and no monitor.
stop_swapping()
{
	grep -q "^$dev " /proc/swaps || return 0
	gone "$server_pid" && serve_nbdkit file "$T/ram/disk" && nbdctl reconnect "$dev"
	swapoff "$dev"
}
at_exit stop_swapping
hog()
{
	echo "$BASHPID" >"$group/cgroup.procs"
	exec "$here/hog" 350 $((5 * kills * slow)) >"$T/hog.out" 2>"$T/hog.log"
}
has_swapped()
{
	gone "$hog" || [ "$(swapped)" -gt $((before + 500)) ]
}
state_is_swapped()
{
	echo 64M >"$group/memory.reclaim" || true
	[ "$(of_group memory.stat shmem)" = 0 ]
}
[ "$(of_group memory.stat shmem)" -gt 0 ] || fail "the state is not in the group"
wait_for 20 state_is_swapped || fail "$(of_group memory.stat shmem) bytes of state stay"
hog &
hog=$!
for ((i = 0; i < kills; i++)); do
	before=$(swapped)
	wait_for 20 has_swapped || fail "kill $i: nothing is swapped any more"
	! gone "$hog" || break
	# Asking for the status has brought it back.
	[ "$i" != 1 ] || wait_for 20 state_is_swapped || fail "its state stays in memory"
	kill -9 "$server_pid"
	if [ "$i" = 1 ]; then
		kill -9 "$monitor"
		start_monitor
		timeout 10 nbdctl status "$dev" >"$T/status" ||
			fail "status: $? $(cat "$T/status")"
	fi
	sleep 0.5
	serve_nbdkit file "$T/ram/disk"
	wait_for 15 live_is 2 || fail "kill $i: $(cat "$T/monitor.log")"
done
wait "$hog" || fail "the hog ended with $?: $(cat "$T/hog.log")"
rounds=$(wc -l <"$T/hog.out")
say "$rounds rounds, $(swapped) pages swapped, $i kills"
[ "$rounds" -ge 1 ] || fail "not one round"
[ "$i" = "$kills" ] || fail "only $i kills"
[ "$(of_group memory.events oom_kill)" = 0 ] || fail "somebody was killed for memory"
stop_swapping
kill "$monitor"
wait "$monitor" || fail "the monitor ended with $?"
detach "$dev"
