#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A Debian 12 that has never seen our packages nor dkms, with the kernel's own driver in
# use: apt installs them while it runs, and dkms builds the module there. After that the
# guide in Documentation/install.md leads to a file system that is mounted at boot. A later
# version takes the place of this one while that is in use. When they are purged all is as
# before.
#
# What is quoted is for the shell of the machine.
# shellcheck disable=SC2016 source=tests/system/vm.sh
. "$(dirname "$0")/vm.sh"

img=$T/data
mkdir "$T/files"
head -c 8M /dev/urandom >"$T/files/known"
hash=$(sha256sum <"$T/files/known")
truncate -s 256M "$img"
mke2fs -q -t ext4 -d "$T/files" "$img"
known="test \"\$(sha256sum </srv/known)\" = \"$hash\""
new_port
serve "$port" "$img"
new_disk

boot disk "root=/dev/vda rw"
must "the kernel's own driver" "modprobe nbd
	modinfo -n nbd | grep /kernel/drivers/block/
	nbd-client 10.0.2.2 $port -N disk /dev/nbd0"
must "apt install" 'cd /var/tmp/packages
	export DEBIAN_FRONTEND=noninteractive
	if dpkg -s dkms; then exit 1; fi
	apt-get -q update
	apt-get -qy --no-install-recommends install ./*.deb' \
	2000
must "it is still in use" 'cmp -n 1048576 /dev/nbd0 /dev/nbd0
	test "$(cat /sys/module/nbd/taint)" = ""'
must_not "to attach with it" "nbdctl attach nbd://10.0.2.2:$port/disk"
must "the new module" 'nbd-client -d /dev/nbd0
	sleep 2
	modprobe -r nbd
	modinfo -n nbd | grep /updates/'
must "attach, mount, detach" "nbdctl attach nbd://10.0.2.2:$port/disk
	mount -o _netdev /dev/nbd0 /srv
	$known
	umount /srv
	nbdctl detach nbd0"
must "configure" "echo 'nbd0 10.0.2.2 disk port=$port,conns=4,persist' >>/etc/nbdtab
	echo '/dev/nbd0 /srv ext4 _netdev,x-systemd.requires=nbdctl@nbd0.service 0 2' \
		>>/etc/fstab"
must "enable, too" "systemctl enable nbdctl@nbd0"
power_off 120 reboot

boot disk "root=/dev/vda rw"
must "mounted at boot" "findmnt -no SOURCE /srv | grep -x /dev/nbd0
	nbdctl list | grep -w 4/4
	$known"
must "upgrade" 'was=$(systemctl show -P MainPID nbdctl-monitor)
	cd /var/tmp/packages/later
	DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install ./*.deb
	now=$(systemctl show -P MainPID nbdctl-monitor)
	test "$now" -gt 0
	test "$now" != "$was"' 2000
must "the disk has seen nothing of it" "findmnt -no SOURCE /srv | grep -x /dev/nbd0
	nbdctl list | grep -w 4/4
	test \"\$(cat /sys/module/nbd/version)\" != \"\$(modinfo -F version nbd)\"
	$known"
step "the server is killed"
kill_server "$port"
must "parked" 'for i in $(seq 60); do
		nbdctl list | grep -w parked && break
		test $i -lt 60
		sleep 0.5
	done'
serve "$port" "$img"
must "the new monitor connects the old module" "for i in \$(seq 240); do
		nbdctl list | grep -w 4/4 && break
		test \$i -lt 240
		sleep 0.5
	done
	echo 3 >/proc/sys/vm/drop_caches
	$known"
power_off 120 reboot

boot disk "root=/dev/vda rw"
must "the new module" 'test "$(cat /sys/module/nbd/version)" = "$(modinfo -F version nbd)"
	findmnt -no SOURCE /srv | grep -x /dev/nbd0
	nbdctl --version | grep -F "$(modinfo -F version nbd)"'
must "stopped, attached by hand" 'umount /srv
	systemctl stop nbdctl@nbd0
	test ! -e /sys/block/nbd0/pid
	nbdctl attach nbd0'
must "who removes it is told" "apt-get -qy remove nbdctl 2>&1 | tee /dev/stderr |
	grep 'nbdctl: nbd0 stays attached'
	test -e /sys/block/nbd0/pid" 900
must "purge" 'nbd-client -d /dev/nbd0
	sed -i /nbd0/d /etc/fstab /etc/nbdtab
	DEBIAN_FRONTEND=noninteractive apt-get -qy purge nbdctl nbd-dkms
	lsmod | grep "^nbd " && modprobe -r nbd
	modinfo -n nbd | grep /kernel/drivers/block/
	left=$(find /etc /lib /usr/lib /usr/sbin /run /var/lib/dkms -xdev \
		\( -name "nbdctl*" -o -path "*updates*/nbd.ko*" \) )
	echo "$left"
	test -z "$left"' 900
power_off 120
