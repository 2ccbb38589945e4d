#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# CLEAR_SOCK while buffered writes are under way: they fail, whoever waits for them is
# told, and the device can be attached again.
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit nbd-client python3
start_nbdkit unix --filter=delay memory 64M wdelay=$((5 * slow))
under_way()
{
	[ "$(awk '{ print $9 }' /sys/block/nbd0/stat)" -gt 0 ]
}
attach_by_ioctl()
{
	timeout $((120 * slow)) nbd-client -unix "$sock" /dev/nbd0 -nonetlink \
		>"$T/nbd-client.log" 2>&1 || fail "nbd-client: status $?"
	wait_for 10 attached nbd0 || fail "not attached"
}
clear_sock()
{
	/usr/bin/python3 - "$(dirname "$0")/../servers" <<-'END'
		import os, sys
		sys.path.insert(0, sys.argv[1])
		from nbdcall import CLEAR_SOCK, ioctl
		sys.exit(ioctl(os.open("/dev/nbd0", os.O_RDONLY), CLEAR_SOCK))
	END
}
attach_by_ioctl
dd if=/dev/zero of=/dev/nbd0 bs=64k count=512 conv=fsync status=none 2>"$T/err" &
dd=$!
wait_for 20 under_way || fail "no writes"
clear_sock || fail "CLEAR_SOCK: errno $?"
wait_for 20 gone $dd || fail "the writer hangs"
! wait $dd || fail "the writer was told nothing"
grep -q 'Input/output error\|No space left' "$T/err" || fail "dd: $(cat "$T/err")"
wait_for 20 not_attached nbd0 || fail "still attached"
# The old one may not have survived the end of its connection: nbdkit 1.32 at times.
start_nbdkit unix memory 64M
attach_by_ioctl
dd if=/dev/nbd0 of=/dev/null bs=64k count=4 iflag=direct status=none || fail "a read"
timeout $((30 * slow)) nbd-client -d /dev/nbd0 >"$T/nbd-client.log" 2>&1 ||
	fail "nbd-client -d: status $?"
wait_for 10 not_attached nbd0 || fail "still attached in the end"
