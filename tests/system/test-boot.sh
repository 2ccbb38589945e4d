#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A disk of /etc/nbdtab with a file system of /etc/fstab is there after boot, also if
# its server comes later than the machine, goes on when its server is restarted, is
# unmounted and detached at the end of the machine, and does not keep the machine from its
# end when the server has stopped or is gone. So is one of nbd-client's own unit, beside it.
#
# What is quoted is for the shell of the machine.
# shellcheck disable=SC2016 source=tests/system/vm.sh
. "$(dirname "$0")/vm.sh"

img=$T/data uuid=5f0c9f0e-6b1d-4a0b-9d7e-3f1a52b7c901
fs="$img?offset=1048576"

# A partition with a file of known content.
mkdir "$T/files"
head -c 8M /dev/urandom >"$T/files/known"
hash=$(sha256sum <"$T/files/known")
truncate -s 256M "$img"
printf 'label: gpt\nstart=2048, size=450560, name=data\n' | sfdisk -q "$img"
mke2fs -q -t ext4 -U "$uuid" -d "$T/files" -E offset=1048576 "$img" 220M
known="test \"\$(sha256sum </srv/known)\" = \"$hash\""

# nbd-client 3.24 goes to this port, whatever nbdtab says.
theirs=10809
if listens $theirs; then
	step "the unit of nbd-client: left out, port $theirs is taken here"
	theirs=
fi

new_port
serve "$port" "$img"
new_disk

boot disk "root=/dev/vda rw"
must "configure" "echo 'nbd0 10.0.2.2 data port=$port,conns=2,persist' \
	>>/etc/nbdtab
	echo 'UUID=$uuid /srv ext4 _netdev,x-systemd.requires=nbdctl@nbd0.service 0 2' \
		>>/etc/fstab
	systemctl enable nbdctl@nbd0"
if [ -n "$theirs" ]; then
	truncate -s 64M "$T/theirs"
	mke2fs -q -t ext4 -d "$T/files" "$T/theirs"
	serve $theirs "$T/theirs"
	must "nbd-client's unit, too" "echo 'nbd1 10.0.2.2 data conns=2' >>/etc/nbdtab
		echo '/dev/nbd1 /mnt ext4 _netdev 0 2' >>/etc/fstab
		systemctl enable nbd@nbd1"
fi
power_off 120 reboot

boot disk "root=/dev/vda rw"
must "nothing failed at boot" '[ -z "$(systemctl --failed --no-legend)" ] || {
	systemctl --failed --no-legend
	exit 1
}'
must "units are active" 'for u in nbdctl@nbd0 nbdctl-monitor nbdctl-shutdown srv.mount
	do
		systemctl is-active $u
	done'
must "mounted" 'findmnt -no SOURCE /srv | grep -x /dev/nbd0p1'
must "two connections" "nbdctl list | grep -w 2/2"
must "links" "for l in by-id/nbd-10.0.2.2:$port-data \
		by-path/ip-10.0.2.2:$port-nbd-data; do
		echo \$l
		test /dev/disk/\$l -ef /dev/nbd0
		test /dev/disk/\$l-part1 -ef /dev/nbd0p1
	done
	test /dev/disk/by-uuid/$uuid -ef /dev/nbd0p1
	test /dev/disk/by-partlabel/data -ef /dev/nbd0p1"
must "what was written elsewhere is read" "$known"
[ -z "$theirs" ] ||
	must "nbd-client's is mounted" "findmnt -no SOURCE /mnt | grep -x /dev/nbd1
		systemctl is-active nbd@nbd1
		nbdctl list | grep -w nbd1 | grep -w 2/2
		${known/srv/mnt}
		echo theirs >/mnt/theirs"
must "write" 'head -c 4M /dev/urandom >/srv/new
	sha256sum /srv/new >/run/sum
	sync'
step "the server is killed"
kill_server "$port"
must "requests wait" 'for i in $(seq 60); do
		nbdctl list | grep -w parked && break
		test $i -lt 60
		sleep 0.5
	done
	systemd-run -q --unit=io sh -c "echo 3 >/proc/sys/vm/drop_caches
		sha256sum -c /run/sum && cp /srv/known /srv/copy && sync"
	sleep 5
	systemctl is-active io'
serve "$port" "$img"
must "the server is back, I/O goes on" 'for i in $(seq 120); do
		systemctl is-active io || break
		sleep 1
	done
	test "$(systemctl is-failed io)" = inactive
	cmp /srv/known /srv/copy
	nbdctl list | grep -w 2/2'
before=$(leaves "$port")
power_off 120
clean "$fs"
[ "$(leaves "$port")" = $((before + 2)) ] ||
	fail "the disk was not detached: $before, $(leaves "$port") connections were ended"
if [ -n "$theirs" ]; then
	clean "$T/theirs"
	[ "$(leaves $theirs)" = 2 ] ||
		fail "nbd-client's disk was not disconnected: $(leaves $theirs) were ended"
	[ "$(debugfs -R 'cat /theirs' "$T/theirs" 2>/dev/null)" = theirs ] ||
		fail "what was written to nbd-client's disk is not on it"
fi
debugfs -R "dump /copy $T/copy" "$fs" 2>/dev/null
cmp "$T/copy" "$T/files/known" || fail "what was written is not on the disk"

boot disk "root=/dev/vda rw"
must "mounted" "findmnt /srv && $known"
[ -z "$theirs" ] ||
	must "nbd-client's unit is taken away" 'umount /mnt
		systemctl disable --now nbd@nbd1
		sed -i /nbd1/d /etc/fstab /etc/nbdtab'
must "dirty" 'head -c 4M /dev/urandom >/srv/lost'
step "the server stops, connected as it is"
kill -STOP "${server_pids[$port]}"
power_off 150
kill_server "$port"

start disk "root=/dev/vda rw"
wait_for 300 grep -q 'Start.*nbdctl@nbd0' "$console" ||
	machine_failed "does not attach its disk"
sleep 10
step "the server comes later than the machine"
serve "$port" "$img"
is_up
must "mounted" "findmnt -no SOURCE /srv | grep -x /dev/nbd0p1
	nbdctl list | grep -w 2/2
	$known"
must "it was waited for" 'journalctl -b -u nbdctl@nbd0 | grep "trying for 60 s"'
must "dirty" 'head -c 4M /dev/urandom >/srv/lost'
step "the server is killed for good"
kill_server "$port"
sleep 5
power_off 120
