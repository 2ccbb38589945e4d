#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nbd-client's -b, -t and -swap, by netlink and by ioctl: the block size, size and
# timeout are those that the stock driver makes of them, and the device holds swap.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbd-client nbdkit mkswap swapon
start_nbdkit unix memory 64M
# attach_with ARG...: by nbd-client.
attach_with()
{
	timeout $((30 * slow)) nbd-client -unix "$sock" /dev/nbd0 "$@" \
		>"$T/nbd-client.log" 2>&1 || fail "nbd-client $*: status $?"
	wait_for 10 attached nbd0 || fail "nbd-client $*: not attached"
}
detach_again()
{
	timeout $((30 * slow)) nbd-client -d /dev/nbd0 >"$T/nbd-client.log" 2>&1 ||
		fail "nbd-client -d: status $?"
	wait_for 10 not_attached nbd0 || fail "still attached"
}
show()
{
	local how bytes

	for how in "" -nonetlink; do
		for bytes in 512 1024 2048 4096; do
			attach_with $how -b $bytes -t 9
			echo "$how $bytes: $(blockdev --getss --getpbsz \
				--getsize64 --getro /dev/nbd0 | paste -sd' ')" \
				"$(cat /sys/block/nbd0/queue/io_timeout)"
			detach_again
		done
	done
}
show >"$T/ours"

for how in "" -nonetlink; do
	attach_with $how -b 4096 -swap
	mkswap /dev/nbd0 >"$T/mkswap.log" || fail "mkswap"
	swapon /dev/nbd0 || fail "swapon"
	at_exit swapoff /dev/nbd0
	grep -q '^/dev/nbd0 ' /proc/swaps || fail "no swap: $(cat /proc/swaps)"
	refused 6 'swap' nbdctl detach /dev/nbd0
	swapoff /dev/nbd0
	detach_again
done

unload_module
modprobe nbd || skip "the kernel has no driver of its own"
show >"$T/stock"
rmmod nbd
load_module
say "$(tail -n 1 "$T/ours")"
diff "$T/stock" "$T/ours" || fail "not as the stock driver"

# Nobody knows where its server is: the log does not say that nbdctl does.
attach_with
kill_server "$server_pid"
wait_for 10 state_is nbd0 dead || fail "state $(field nbd0 .state)"
dmesg >"$T/dmesg"
tail -n 5 "$T/dmesg" | grep 'fails until it is detached and attached anew' ||
	fail "it does not say so: $(tail -n 5 "$T/dmesg")"
refused 5 'not attached by nbdctl' nbdctl reconnect nbd0
detach_again
