#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A new user: the packages are installed, nothing is configured. A disk is
# attached, formatted, mounted, partitioned; RAID, LVM, encryption, swap and a
# loop device go on top of it, as systemd-udevd sets them up.
#
# What is quoted is for the shell of the machine.
# shellcheck disable=SC2016 source=tests/system/vm.sh
. "$(dirname "$0")/vm.sh"

truncate -s 300M "$T/a" "$T/b"
new_port
a=$port
serve "$a" "$T/a"
new_port
b=$port
serve "$b" "$T/b"
uri=nbd://10.0.2.2

new_disk
boot disk "root=/dev/vda rw"
must "nothing failed at boot" '[ -z "$(systemctl --failed --no-legend)" ] || {
	systemctl --failed --no-legend
	exit 1
}'
must "info" "nbdctl info $uri:$a/ | grep -i 300M"
must "attach" "nbdctl attach $uri:$a/ | tee /run/dev
	grep -qx /dev/nbd0 /run/dev"
# What writes while udev looks at a new disk goes unseen by it, whatever disk that is.
must "settle" 'udevadm settle'
must "our module" 'modinfo -n nbd | grep -E "/updates/"
	lsmod | grep "^nbd "'
must "mkfs" 'mkfs.ext4 -qF /dev/nbd0'
must "mount" 'mount /dev/nbd0 /mnt'
must "write, drop the cache, read" 'cp /usr/bin/perl /mnt/perl
	sync
	echo 3 >/proc/sys/vm/drop_caches
	cmp /usr/bin/perl /mnt/perl'
must "lsblk" 'udevadm settle
	lsblk -no FSTYPE,MOUNTPOINT /dev/nbd0 | grep "ext4 */mnt"'
must "blkid" 'blkid /dev/nbd0 | grep "TYPE=\"ext4\""'
must_not "detach of a mounted disk" 'nbdctl detach nbd0'
must "umount" 'umount /mnt'

must "parted" 'parted -s /dev/nbd0 mklabel gpt mkpart one 1MiB 100MiB \
	mkpart two 100MiB 200MiB
	udevadm settle
	test -b /dev/nbd0p1
	test -b /dev/nbd0p2'
must "links of the partitions" 'test /dev/disk/by-partlabel/one -ef /dev/nbd0p1
	test /dev/disk/by-partlabel/two -ef /dev/nbd0p2'
must "detach" 'nbdctl detach nbd0
	udevadm settle
	test ! -e /dev/nbd0p1
	test ! -e /dev/disk/by-partlabel/one'
must "attach: the partitions are there again" "nbdctl attach $uri:$a/ nbd0
	udevadm settle
	test -b /dev/nbd0p1
	test /dev/disk/by-partlabel/two -ef /dev/nbd0p2"
must "wipefs" 'wipefs -qa /dev/nbd0p1 /dev/nbd0p2 /dev/nbd0'

must "a second disk" "nbdctl attach $uri:$b/ nbd1"
must "mdadm" 'mdadm --quiet --create /dev/md/r --run --level=1 \
	--raid-devices=2 --metadata=1.2 /dev/nbd0 /dev/nbd1
	udevadm settle
	mdadm --wait /dev/md/r || test $? = 1
	grep -A 1 raid1 /proc/mdstat | grep "\[UU\]"
	mkfs.ext4 -qF /dev/md/r
	mount /dev/md/r /mnt
	cp /usr/bin/perl /mnt/perl
	umount /mnt' 400
must_not "detach of a part of a RAID" 'nbdctl detach nbd1'
must "mdadm --stop" 'mdadm --quiet --stop /dev/md/r
	udevadm settle
	nbdctl detach nbd0
	nbdctl detach nbd1'
must "RAID by udev: attached, assembled" "nbdctl attach $uri:$a/ nbd0
	nbdctl attach $uri:$b/ nbd1
	udevadm settle
	grep -A 1 raid1 /proc/mdstat | grep '\[UU\]'
	mount /dev/md/r /mnt || mount /dev/md127 /mnt
	cmp /usr/bin/perl /mnt/perl
	umount /mnt
	mdadm --quiet --stop --scan
	udevadm settle
	mdadm --quiet --zero-superblock /dev/nbd0 /dev/nbd1"

must "LVM" 'vgcreate -q vg /dev/nbd0 /dev/nbd1
	lvcreate -qy -n lv -L 400M vg
	mkfs.xfs -qf /dev/vg/lv
	mount /dev/vg/lv /mnt
	cp /usr/bin/perl /mnt/perl
	cmp /usr/bin/perl /mnt/perl
	umount /mnt'
must_not "detach of a part of a volume group" 'nbdctl detach nbd0'
must "vgchange -an" 'vgchange -qan vg
	udevadm settle
	nbdctl detach nbd0
	nbdctl detach nbd1'
must "LVM by udev: attached, active" "nbdctl attach $uri:$a/ nbd0
	nbdctl attach $uri:$b/ nbd1
	for i in \$(seq 60); do
		test ! -e /dev/vg/lv || break
		sleep 0.5
	done
	mount /dev/vg/lv /mnt
	cmp /usr/bin/perl /mnt/perl
	umount /mnt
	vgremove -qfy vg
	pvremove -q /dev/nbd0 /dev/nbd1"

must "dm-crypt" 'echo secret >/run/key
	cryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
		/dev/nbd0 /run/key
	cryptsetup open --key-file /run/key /dev/nbd0 c
	udevadm settle
	mkfs.ext4 -qF /dev/mapper/c
	mount /dev/mapper/c /mnt
	cp /usr/bin/perl /mnt/perl
	umount /mnt' 300
must_not "detach below dm-crypt" 'nbdctl detach nbd0'
must "cryptsetup close" 'cryptsetup close c'
must "dm-crypt: attached again, opened, read" "nbdctl detach nbd0
	nbdctl attach $uri:$a/ nbd0
	udevadm settle
	cryptsetup open --key-file /run/key /dev/nbd0 c
	mount /dev/mapper/c /mnt
	cmp /usr/bin/perl /mnt/perl
	umount /mnt
	cryptsetup close c" 300

must "swap" 'mkswap -f /dev/nbd1
	swapon /dev/nbd1
	grep "^/dev/nbd1 " /proc/swaps'
must_not "detach of swap" 'nbdctl detach nbd1'
must "swapoff" 'swapoff /dev/nbd1'

must "loop" 'losetup /dev/loop0 /dev/nbd0
	cmp -n 1048576 /dev/loop0 /dev/nbd0
	mkfs.ext4 -qF /dev/loop0
	mount /dev/loop0 /mnt
	cp /usr/bin/perl /mnt/perl
	umount /mnt'
must_not "detach below a loop device" 'nbdctl detach nbd0'
must "losetup -d" 'losetup -d /dev/loop0'
must "what went through the loop device is on the disk" "nbdctl detach nbd0
	nbdctl attach $uri:$a/ nbd0
	mount /dev/nbd0 /mnt
	cmp /usr/bin/perl /mnt/perl
	umount /mnt"

# nbd1 is attached by hand: that unit leaves it alone, and holds nothing up.
must "the unit of a device that is attached" "echo 'nbd1 10.0.2.2 any port=$a' >>/etc/nbdtab
	systemctl start nbdctl@nbd1
	[ \"\$(systemctl is-failed nbdctl@nbd1)\" = inactive ]
	systemctl stop nbdctl@nbd1
	test -e /sys/block/nbd1/pid
	sed -i /^nbd1/d /etc/nbdtab"

# nbd-client 3.24 goes to this port, whatever nbdtab says.
if listens 10809; then
	step "the unit of nbd-client: left out, port 10809 is taken here"
else
	serve 10809 "$T/b"
	must "the unit of nbd-client" "echo 'nbd7 10.0.2.2 any' >>/etc/nbdtab
		systemctl start nbd@nbd7
		cmp -n 67108864 /dev/nbd7 /dev/nbd1
		systemctl stop nbd@nbd7
		test ! -e /sys/block/nbd7/pid
		sed -i /^nbd7/d /etc/nbdtab"
fi

must "detach --all" 'udevadm settle
	nbdctl detach --all
	[ -z "$(nbdctl list | grep nbd[0-9])" ]'
must "remove the module" 'modprobe -r nbd'
power_off 120
