#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# debugfs has the stock driver's files, word for word, while a device is configured, by
# netlink and by ioctl.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit nbd-client
debugfs=/sys/kernel/debug/nbd
[ -d /sys/kernel/debug/block ] || skip "no debugfs"
# Flags that we name and no stock driver does, and those that the one of 6.1 does not. Their
# bits are in the number in any case.
more=(CAN_MULTI_CONN SEND_FAST_ZERO)
case $(uname -r) in
6.1.*) more+=(SEND_WRITE_ZEROES ROTATIONAL) ;;
esac
declare -A bits=([SEND_WRITE_ZEROES]=0x40 [ROTATIONAL]=0x10 [CAN_MULTI_CONN]=0x100
	[SEND_FAST_ZERO]=0x800)

no_client()
{
	! pgrep -x nbd-client
}
# use ARG...: nbd-client attaches nbd0; sets client to the processes that may be in tasks.
use()
{
	local log=$T/nbd-client.log

	nbd-client "$@" 127.0.0.1 "$port" /dev/nbd0 >"$log" 2>&1 &
	client=$!
	wait "$client" || fail "nbd-client $*: $(cat "$log")"
	# The last one that is made.
	wait_for 10 test -e $debugfs/nbd0/flags || fail "nbd-client $*: no debugfs"
	attached nbd0 || fail "nbd-client $*: not attached"
	[ "${1:-}" != -nonetlink ] || client=$(pgrep -x nbd-client)
}
# unuse [-nonetlink]
unuse()
{
	nbd-client -d /dev/nbd0 >"$T/nbd-client.log" 2>&1
	wait_for 10 test ! -e $debugfs/nbd0 || fail "it stays"
	wait_for 10 not_attached nbd0 || fail "still attached"
	[ "$1" != -nonetlink ] || wait_for 10 no_client || fail "nbd-client does not end"
}
# show WHAT: what the files are and say, with words for the number of the process.
show()
{
	local pid

	pid=$(</sys/block/nbd0/pid)
	text=$(cd $debugfs && stat -c '%A %U %n' nbd0 nbd0/* && grep '' nbd0/*)
	[[ $'\n'$client$'\n' == *$'\n'$pid$'\n'* ]] ||
		fail "$1: the pid in sysfs is $pid, that of nbd-client" "$client"
	[[ $text$'\n' == *$'\n'"nbd0/tasks:recv: $pid"$'\n'* ]] ||
		fail "$1: the pid is $pid: $text"
	echo "$1:"
	echo "${text/tasks:recv: $pid/tasks:recv: the one in sysfs}"
}
# names WHAT: shows it, and those flags that are set have a name, and no others.
names()
{
	local flag text

	show "$1"
	[[ $text =~ 'nbd0/flags:Hex: '(0x[0-9a-f]+)$'\n' ]] || fail "$1: no number: $text"
	for flag in "${!bits[@]}"; do
		if ((BASH_REMATCH[1] & bits[$flag])); then
			[[ $text == *":NBD_FLAG_$flag"* ]] || fail "$1: no $flag: $text"
		else
			[[ $text != *":NBD_FLAG_$flag"* ]] || fail "$1: $flag: $text"
		fi
	done
}
# each COMMAND...: of the devices that differ in what the files have to say.
each()
{
	local how

	for how in '' -nonetlink; do
		port=$plain
		use $how -timeout 7 -block-size 2048
		"$@" "$how plain"
		unuse "$how"
		port=$odd
		use $how
		"$@" "$how odd"
		unuse "$how"
	done
}
start_nbdkit tcp memory 3M
plain=$port
# shellcheck disable=SC2016 # for the server's shell
start_nbdkit tcp -r eval get_size='echo 5M' pread='head -c "$3" /dev/zero' \
	is_rotational='exit 0'
odd=$port
each names >"$T/all"
all=$(<"$T/all")
for flag in READ_ONLY SEND_FLUSH SEND_FUA SEND_TRIM "${!bits[@]}"; do
	[[ $all == *":NBD_FLAG_$flag"* ]] || fail "$flag is never set"
done
[[ $all == *"nbd0/size_bytes:$((3 << 20))"$'\n'* ]] || fail "no size: $all"
printf 'nbd0/flags:NBD_FLAG_%s\n' "${more[@]}" >"$T/more"
grep -vxFf "$T/more" "$T/all" >"$T/ours"

# Somebody has a file open when its device goes.
port=$plain
use -timeout 7
exec 7<$debugfs/nbd0/flags
nbd-client -d /dev/nbd0 >>"$T/nbd-client.log" 2>&1
wait_for 10 test ! -e $debugfs/nbd0 || fail "it stays"
! read -r -u 7 _ 2>"$T/err" || fail "it can still be read"
grep -q 'Input/output error' "$T/err" || fail "reading it says: $(cat "$T/err")"
exec 7<&-

unload_module
[ ! -e $debugfs ] || fail "$debugfs stays"
modprobe --ignore-install nbd || skip "the kernel has no driver of its own"
each show >"$T/stock"
rmmod nbd
load_module
diff "$T/stock" "$T/ours" >"$T/diff" || fail "not as the stock driver: $(head -n 20 "$T/diff")"
say "the same $(wc -l <"$T/stock") lines"
