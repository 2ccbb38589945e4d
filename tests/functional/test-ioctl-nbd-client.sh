#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nbd-client -nonetlink, unchanged: it attaches by ioctl and detaches; with
# -persist it attaches again when the server is back, and what has the disk open
# goes on with it.
# leaks: yes
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbd-client nbdkit nbd-server fio
# by_ioctl ARG...: nbd-client attaches nbd0.
by_ioctl()
{
	timeout $((30 * slow)) nbd-client -nonetlink -unix "$sock" /dev/nbd0 \
		"$@" >"$T/nbd-client.log" 2>&1 ||
		fail "nbd-client $*: status $?"
	wait_for 5 attached nbd0 || fail "not attached"
}
# disconnect: nbd-client detaches nbd0, and its DO_IT has ended, too.
disconnect()
{
	timeout $((30 * slow)) nbd-client -nonetlink -d /dev/nbd0 \
		>"$T/nbd-client.log" 2>&1 || fail "nbd-client -d: status $?"
	wait_for 5 not_attached nbd0 || fail "still attached"
	wait_for 5 no_client || fail "nbd-client did not end"
}
no_client()
{
	! pgrep -x nbd-client
}
start_nbdkit unix memory 32M
for n in 1 4; do
	by_ioctl -C $n -t 7
	nbd-client -c /dev/nbd0 >"$T/out" || fail "nbd-client -c: not connected"
	[ "$(blockdev --getsize64 /dev/nbd0)" = $((32 << 20)) ] || fail "size"
	expect_field nbd0 .connections_live $n
	expect_field nbd0 .timeout 7
	verify /dev/nbd0 4M
	disconnect
	idle nbd0
done
# nbdctl detaches what nbd-client attached by ioctl, and changes nothing else.
by_ioctl
dev=/dev/nbd0
refused_attached '[1-9]*' 'not attached by nbdctl' nbdctl resize "$dev"
detach nbd0
wait_for 5 no_client || fail "nbd-client did not end"
idle nbd0

# The server goes and comes back, under a mounted file system.
kill_server "$server_pid"
truncate -s 64M "$T/disk"
mkfs.ext4 -q "$T/disk"
start_nbdkit unix file "$T/disk"
by_ioctl -persist
mount_at /dev/nbd0 "$T/mnt"
cp "$NBD_KO" "$T/mnt/file"
sync -f "$T/mnt"
before=$(served nbd0)
kill -9 "$server_pid"
wait_for 5 not_attached nbd0 || fail "attached without a server"
[ "$(cat /sys/block/nbd0/size)" = $((128 << 10)) ] ||
	fail "the size went while it is mounted"
serve_nbdkit file "$T/disk"
wait_for 20 attached nbd0 || fail "not attached again"
echo 3 >/proc/sys/vm/drop_caches
cmp "$NBD_KO" "$T/mnt/file" || fail "the file cannot be read, or is another one"
touch "$T/mnt/other"
sync -f "$T/mnt" || fail "cannot write"
[ "$(served nbd0)" -gt "$before" ] || fail "nothing was read"
umount "$T/mnt"
disconnect
idle nbd0
