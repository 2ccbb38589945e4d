#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# detach --dead: a device whose server is gone, with dirty data and mounted, is
# detached at once, so that an unmount ends; one that is live is left alone, and so
# is the one that the root file system is on. detach --stalled: also a device whose
# server has stopped, be it connected, and no device of one that is only busy, or of one
# that a monitor reaches again in time.
# leaks: yes
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit qemu-nbd mkfs.ext4
start_nbdkit unix memory 16M
attach "$uri" nbd7
live=$dev
start_nbdkit unix memory 64M
attach -C 2 --dead-timeout 600 "$uri"
mkfs.ext4 -q "$dev"
mount_at "$dev" "$T/mnt"
mount -o remount,noatime "$T/mnt"
cp "$NBDCTL_DIR/nbdctl" "$T/mnt"
mkdir "$T/mnt/usr" "$T/mnt/proc" "$T/mnt/sys" "$T/mnt/dev"
ln -s usr/lib usr/lib64 "$T/mnt"
# Before a command: runs it with the root file system on that device.
# shellcheck disable=SC2016 # of the shell that is started
with_root=(unshare -m sh -c 'root=$1; shift
	for d in usr proc sys dev; do
		mount --rbind /$d "$root/$d" || exit 99
	done
	exec chroot "$root" "$@"' sh "$T/mnt")
detach --dead --all
attached "$dev" || fail "$dev was live and is detached"
refused_attached 6 'not dead: it is live' nbdctl detach --dead "$dev"
refused_attached 2 'give one of them' nbdctl detach --dead --force "$dev"
refused 7 'not attached' nbdctl detach --dead nbd9

dd if=/dev/urandom of="$T/mnt/file" bs=256k count=16 status=none
kill -9 "$server_pid"
wait_for 5 state_is "$dev" parked || fail "state $(field "$dev" .state)"
refused 6 'root file system' \
	"${with_root[@]}" /nbdctl detach --dead "$dev"
expect_status 0 "${with_root[@]}" /nbdctl detach --dead --all
state_is "$dev" parked || fail "the disk of the root file system is detached"
sync -f "$T/mnt" >"$T/sync.log" 2>&1 &
sync=$!
sleep 1
! gone $sync || fail "nothing was dirty"
took expect_status 0 nbdctl detach --dead --all
[ "$seconds" -le $((5 * slow)) ] || fail "detach took $seconds s"
wait_for 20 gone $sync || fail "sync hangs"
timeout $((20 * slow)) umount "$T/mnt" || fail "umount: status $?"
wait_for 5 not_attached "$dev" || fail "still attached"
dev=$live
attached "$dev" || fail "the live device is detached, too"
expect_field "$dev" .state live
dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none ||
	fail "the live device cannot be read"

# By its name, and although somebody has it open.
exec {open}<"$dev"
kill -9 "${server_pids[0]}"
wait_for 5 state_is "$dev" dead || fail "state $(field "$dev" .state)"
took expect_status 0 nbdctl detach --dead "$dev"
[ "$seconds" -le $((5 * slow)) ] || fail "detach took $seconds s"
exec {open}<&-
wait_for 5 not_attached "$dev" || fail "still attached"
expect_status 0 nbdctl detach --dead --all

# Its server is restarted while it is asked, and the monitor connects again: what was
# written is not lost. The next time the server does not come back.
nbdctl monitor 2>"$T/monitor.log" &
monitor=$!
start_nbdkit unix memory 16M
attach --persist --no-partscan "$uri" nbd8
dev=nbd8
kill_server "$server_pid"
wait_for 5 state_is "$dev" parked || fail "state $(field "$dev" .state)"
timeout $((60 * slow)) nbdctl detach --stalled $((15 * slow)) --all 2>"$T/err" &
detach=$!
sleep 2
! gone $detach || fail "it did not wait for the monitor"
serve_nbdkit memory 16M
wait $detach || fail "detach: status $?: $(cat "$T/err")"
attached "$dev" || fail "a device is detached whose server has come back"
expect_field "$dev" .state live
kill_server "$server_pid"
wait_for 5 state_is "$dev" parked || fail "state $(field "$dev" .state)"
took expect_status 0 nbdctl detach --stalled 2 "$dev"
[ "$seconds" -ge 2 ] || fail "detach waited for $seconds s"
[ "$seconds" -le $((10 * slow)) ] || fail "detach took $seconds s"
wait_for 5 not_attached "$dev" || fail "still attached"
kill $monitor
wait_for 5 gone $monitor || fail "the monitor does not end"

# Servers that are connected: one that is busy, one that takes no more clients, and one
# that has been stopped. Asking them takes as long as one of them may take for both.
start_nbdkit unix --filter=delay memory 16M rdelay=$((6 * slow))
attach --no-partscan "$uri" nbd1
truncate -s 16M "$T/disk"
start_qemu_nbd unix 1 "$T/disk"
attach "$uri" nbd2
start_nbdkit tcp memory 16M
attach -C 2 --dead-timeout 600 "$uri" nbd3
kill -STOP "$server_pid"
dd if=/dev/nbd3 of="$T/out" bs=4k count=1 iflag=direct status=none \
	2>"$T/dd.log" &
reader=$!
refused 2 'between 1 and 3600' nbdctl detach --stalled 0 --all
took expect_status 0 nbdctl detach --stalled "$slow" --all
[ "$seconds" -le $((10 * slow)) ] || fail "detach took $seconds s"
wait_for 5 not_attached nbd3 || fail "the stopped server's device is attached"
wait_for 5 gone $reader || fail "a reader of it does not end"
attached nbd1 || fail "the busy server's device is detached"
attached nbd2 || fail "the device of the server for one client is detached"
refused 6 'not dead: it is live' nbdctl detach --stalled "$slow" nbd1
kill -STOP "${server_pids[-2]}"
took expect_status 0 nbdctl detach --stalled "$slow" nbd2
[ "$seconds" -le $((10 * slow)) ] || fail "detach took $seconds s"
# What has asked it still reads.
wait_for 40 timeout $((30 * slow)) nbdctl detach nbd1 || fail "detach of nbd1"
nothing_left
