#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The installed udev rules give a device and its partitions links named after server
# and export, whatever is in those names, and none once it is detached.
# timeout: 300
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

by_uuid=/dev/disk/by-uuid/6f8c1d7e-0000-4000-8000-0123456789ab
udevd=/lib/systemd/systemd-udevd
requires nbdkit sfdisk udevadm make
[ -x $udevd ] || skip "no $udevd"

settle()
{
	timeout $((60 * slow)) udevadm settle -t $((50 * slow)) ||
		fail "udev is not done"
}
# linked DEVICE: by what, below /dev/disk/by-id and by-path.
linked()
{
	local l

	for l in /dev/disk/by-id/* /dev/disk/by-path/*; do
		[ "$(readlink -f "$l")" != "$1" ] || echo "${l#/dev/disk/}"
	done | sort
}
as_wanted()
{
	linked "$1" | cmp -s - "$T/wanted"
}
# links DEVICE NAME...: exactly these. udev may not even have begun when settle ends.
links()
{
	local target=$1

	shift
	printf '%s\n' "$@" | sed '/^$/d' | sort >"$T/wanted"
	wait_for 10 as_wanted "$target" ||
		fail "links to $target: $(linked "$target" | diff "$T/wanted" -)"
}

boot()
{
	make -s -C "$NBDCTL_DIR/.." "$1" PREFIX=/usr DESTDIR=/
}
# What is in the way of other tests is gone then.
at_exit boot uninstall-boot
boot install-boot || fail "make install-boot"
mkdir -p /run/udev
$udevd 2>"$T/udevd.log" &
udev=$!
wait_for 30 test -S /run/udev/control || fail "udevd does not run"
settle

start_nbdkit tcp memory 64M
tcp=127.0.0.1:$port
attach "$uri"
printf 'label: gpt\nsize=16M\nsize=24M\n' | sfdisk -q "$dev" 2>"$T/sfdisk.log" ||
	fail "sfdisk"
# udev looks again after a writer only at what it has looked at before, and it is told
# by inotify, for which settle does not wait.
settle
mkfs.ext4 -q -U ${by_uuid##*/} "${dev}p1"
wait_for 30 test -e $by_uuid || fail "no link by the UUID of a file system"
settle
links "$dev" "by-id/nbd-$tcp-" "by-path/ip-$tcp-nbd-"
links "${dev}p2" "by-id/nbd-$tcp--part2" "by-path/ip-$tcp-nbd--part2"
[ $by_uuid -ef "${dev}p1" ] || fail "another device has the UUID"
expect_status 0 nbdctl status "/dev/disk/by-id/nbd-$tcp-"
grep -q "^$name" "$T/out" || fail "status of a link: $(cat "$T/out")"
refused_attached 2 'is a partition' nbdctl detach "/dev/disk/by-id/nbd-$tcp--part2"
detach "$dev"
settle
links "$dev"

# The name of an export may hold anything.
# shellcheck disable=SC2016 # as it is
attach -N '../a b/$(id)%;-part1"é~' "$uri"
settle
odd='..\x2fa\x20b\x2f\x24\x28id\x29\x25\x3b\x2dpart1\x22\xc3\xa9\x7e'
links "$dev" "by-id/nbd-$tcp-$odd" "by-path/ip-$tcp-nbd-$odd"
detach "$dev"

start_nbdkit unix memory 16M
attach "$uri"
settle
path=${sock//\//\\x2f}
path=${path//-/\\x2d}
links "$dev" "by-id/nbd-unix:$path-" "by-path/unix-$path-nbd-"
detach "$dev"
settle
links "$dev"

# udev is late: the disk that loading made has gone when it hears of it. (It may not
# heed --stop-exec-queue: "Invalid sender uid".)
kill -STOP "$udev"
unload_module
load_module
udevadm monitor --udev --property --subsystem-match=block >"$T/events" &
at_exit kill $!
wait_for 10 grep -q UDEV "$T/events" || fail "udevadm monitor says nothing"
attach -C 2 "$uri" nbd0
kill -CONT "$udev"
settle
links "$dev" "by-id/nbd-unix:$path-" "by-path/unix-$path-nbd-"
# states: of each event of the disk its action and what systemd makes of it.
states()
{
	awk -v RS= '/DEVNAME=\/dev\/nbd0\n/ {
		match($0, /ACTION=[a-z]*/)
		print substr($0, RSTART + 7, RLENGTH - 7) \
			(/SYSTEMD_READY=0/ ? " absent" : " ready")
	}' "$T/events"
}
came()
{
	states | grep -q '^change ready'
}
wait_for 10 came || fail "no event: $(cat "$T/events")"
say "$(states | paste -sd,)"
states | tac | awk '/^remove/ { old = 1 } old && / ready/ { exit 1 }' ||
	fail "a disk that has gone is ready: $(states)"
states | grep -qx 'add absent' || fail "udev was not late: $(states)"
detach "$dev"
