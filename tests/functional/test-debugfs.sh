#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# debugfs has the stock driver's files, word for word, while a device is configured.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit nbd-client
debugfs=/sys/kernel/debug/nbd
[ -d /sys/kernel/debug/block ] || skip "no debugfs"
files="size_bytes timeout blocksize_bits flags"
# show: what all files say, without what not all stock drivers know.
show()
{
	local file

	grep -qxE 'recv: [0-9]+' $debugfs/nbd0/tasks || fail "tasks: $(cat $debugfs/nbd0/tasks)"
	for file in $files; do
		echo "$file:"
		grep -v -e _ZERO -e CAN_MULTI_CONN -e '^Hex' \
			$debugfs/nbd0/"$file" || true
	done
}
start_nbdkit tcp memory 3M
use()
{
	nbd-client -timeout 7 -block-size 2048 127.0.0.1 "$port" /dev/nbd0 \
		>"$T/nbd-client.log" 2>&1 || fail "nbd-client: $(cat "$T/nbd-client.log")"
	wait_for 10 attached nbd0 || fail "not attached"
}
use
show >"$T/ours"
grep -qx "$((3 << 20))" "$T/ours" || fail "no size: $(cat "$T/ours")"
grep -q NBD_FLAG_SEND_FLUSH "$T/ours" || fail "no flags: $(cat "$T/ours")"
# Somebody has a file open when its device goes.
exec 7<$debugfs/nbd0/flags
nbd-client -d /dev/nbd0 >>"$T/nbd-client.log" 2>&1
wait_for 10 test ! -e $debugfs/nbd0 || fail "it stays"
! read -r -u 7 _ 2>"$T/err" || fail "it can still be read"
grep -q 'Input/output error' "$T/err" || fail "reading it says: $(cat "$T/err")"
exec 7<&-

unload_module
[ ! -e $debugfs ] || fail "$debugfs stays"
modprobe nbd || skip "the kernel has no driver of its own"
use
show >"$T/stock"
nbd-client -d /dev/nbd0 >>"$T/nbd-client.log" 2>&1
wait_for 10 test ! -e /sys/block/nbd0/pid
rmmod nbd
load_module
diff "$T/stock" "$T/ours" >"$T/diff" || fail "not as the stock driver: $(cat "$T/diff")"
