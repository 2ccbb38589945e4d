#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The root file system is on a network block device over four connections, which
# the initramfs attaches. Its server is restarted while the machine runs.
#
# What is quoted is for the shell of the machine.
# shellcheck disable=SC2016 source=tests/system/vm.sh
. "$(dirname "$0")/vm.sh"

img=$T/root
cp --sparse=always "$NBD_IMAGE/disk.img" "$img"
new_port
serve "$port" "$img"

live="for i in \$(seq 240); do
		nbdctl list | grep -w 4/4 && break
		test \$i -lt 240
		sleep 0.5
	done"
parked="for i in \$(seq 60); do
		nbdctl list | grep -w parked && break
		test \$i -lt 60
		sleep 0.5
	done"

boot none "root=/dev/nbd0 rw ip=10.0.2.15::10.0.2.2:255.255.255.0:nbdvm::off \
nbdroot=nbd://10.0.2.2:$port/ nbdctl=--connections=4"
step "the initramfs had a monitor"
grep 'nbdctl: monitor [0-9]* looks after' "$NBD_LOGS/console-$boots" ||
	fail "no monitor in the initramfs"
! grep 'nbdctl: cannot' "$NBD_LOGS/console-$boots" >&2 ||
	fail "the monitor of the initramfs ended"
must "the root disk" 'findmnt -no SOURCE / | grep -x /dev/nbd0'
must "nothing failed at boot" '[ -z "$(systemctl --failed --no-legend)" ] || {
	systemctl --failed --no-legend
	exit 1
}'
must "four connections" "$live"
must "the monitor is the service's" 'systemctl is-active nbdctl-monitor
	p=$(systemctl show -P MainPID nbdctl-monitor)
	test $p -gt 0
	test "$(pgrep -x nbdctl; pgrep -x @bdctl || true)" = $p
	test ! -e /run/nbdctl-initramfs.pid'

for i in 1 2; do
	step "the server is killed, $i"
	kill_server "$port"
	must "parked" "$parked"
	step "its programs have to be read again"
	ask 'echo 3 >/proc/sys/vm/drop_caches
		cat /usr/bin/* >/dev/null
		echo done >/var/io
		sync
		grep -x done /var/io
		rm /var/io'
	! answer 10 || fail "nothing waits for the server"
	serve "$port" "$img"
	reply 300 >"$T/out" || fail "it does not go on: $(cat "$T/out")"
	must "four connections" "$live"
done

must "what detach needs is in memory" 'nbdctl detach --help >/dev/null'
step "the server is killed"
kill_server "$port"
must "parked" "$parked"
step "detach of all dead disks"
guest 'timeout 60 nbdctl detach --all --dead' >"$T/detach" || true
serve "$port" "$img"
must "the root disk is still there" "$live"
must "it can be written" 'echo 3 >/proc/sys/vm/drop_caches
	cp /usr/bin/perl /var/perl
	sync
	cmp /usr/bin/perl /var/perl'
power_off 120
clean "$img"
