#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nbd-client's -b, -t and -swap, by netlink and by ioctl: the block size, size and
# timeout are those that the stock driver makes of them, a server that says nothing for as
# long is given up as there, and the device holds swap.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbd-client nbdkit mkswap swapon swapoff python3
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
no_client()
{
	! pgrep -x nbd-client
}
# read_fails NAME: with an error, and soon, when -t is 2; sets ms to the time that it took.
read_fails()
{
	ms=${EPOCHREALTIME/./}
	! LC_ALL=C timeout $((30 * slow)) dd if=/dev/nbd0 of=/dev/null bs=4k count=1 \
		iflag=direct status=none 2>"$T/dd.log" || fail "$1: it can be read"
	ms=$(((${EPOCHREALTIME/./} - ms) / 1000))
	grep -q 'Input/output error' "$T/dd.log" || fail "$1: $(cat "$T/dd.log")"
	say "$1: a read failed after $ms ms"
	[ "$ms" -le $((6000 + 1000 * slow)) ] || fail "$1: a read failed after $ms ms"
}
# silent WHO: what becomes of a read, of the next one and of the device, when the server
# is stopped.
silent()
{
	local how who

	for how in "" -nonetlink; do
		who="$1, nbd-client $how"
		attach_with $how -t 2
		dd if=/dev/nbd0 of=/dev/null bs=4k count=1 iflag=direct status=none ||
			fail "$who: it cannot be read"
		kill -STOP "$server_pid"
		read_fails "$who"
		[ "$ms" -ge 1900 ] || fail "$who: a read failed after $ms ms"
		case $how in
		'')
			read_fails "$who, once more"
			attached nbd0 || fail "$who: it is detached"
			;;
		*) wait_for 5 not_attached nbd0 || fail "$who: it is attached" ;;
		esac
		kill -CONT "$server_pid"
		if [ -z "$how" ]; then
			detach_again
		else
			wait_for 5 no_client || fail "$who: it does not end"
		fi
		[ "$(cat /sys/block/nbd0/size)" = 0 ] || fail "$who: a size is left"
	done
}
show >"$T/ours"
silent ours

memory_group 8M
# hog: a program that does not get all the memory that it uses.
hog()
{
	echo "$BASHPID" >"$group/cgroup.procs"
	exec "$(dirname "$0")/../servers/hog" 8 0
}
name=nbd0
for how in "" -nonetlink; do
	attach_with $how -b 4096 -swap
	mkswap /dev/nbd0 >"$T/mkswap.log" || fail "mkswap"
	swapon /dev/nbd0 || fail "swapon"
	at_exit swapoff /dev/nbd0
	grep -q '^/dev/nbd0 ' /proc/swaps || fail "no swap: $(cat /proc/swaps)"
	refused 6 'swap' nbdctl detach /dev/nbd0
	before=$(swapped)
	(hog) >"$T/hog.log" 2>&1 || fail "nbd-client $how: the hog: $(cat "$T/hog.log")"
	grep -q '^round 1$' "$T/hog.log" || fail "nbd-client $how: not one round"
	say "nbd-client $how: $(($(swapped) - before)) pages swapped"
	[ $(($(swapped) - before)) -ge 1024 ] ||
		fail "nbd-client $how: only $(($(swapped) - before)) pages swapped"
	swapoff /dev/nbd0
	detach_again
done

unload_module
modprobe nbd || skip "the kernel has no driver of its own"
show >"$T/stock"
silent stock
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
