#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A program that reads is killed while its server is dead, stopped, or silent in the
# middle of a header or of a payload: one that reads through the page cache ends at
# once unless it is the last that has the device open (who closes a disk waits for its
# pages), one past it when the device is detached by force, which takes no time either,
# and then the module can be unloaded.
# timeout: 120
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit python3
# read_at PAGE [FLAG]: in the background; sets reader. Where it reads is in the half
# that a hostile server does not serve as it should.
read_at()
{
	dd if="$dev" of=/dev/null bs=4k count=1 skip="$1" \
		iflag="${2:-fullblock}" status=none 2>>"$T/dd.log" 8<&- &
	reader=$!
	sleep 0.5
	! gone $reader || fail "$how: the reader did not wait"
}
start_dead()
{
	start_nbdkit unix memory 1M
	attach --no-partscan --dead-timeout 1000 "$uri"
	kill -9 "$server_pid"
}
start_stopped()
{
	start_nbdkit tcp memory 1M
	attach --no-partscan --timeout 0 "$uri"
	kill -STOP "$server_pid"
}
start_part()
{
	rules=$T/rules
	echo "$1" >"$rules"
	start_scripted hostile unix "$rules"
	attach --no-partscan --timeout 0 --read-ahead 4K "$uri"
}
for how in dead stopped header payload; do
	case $how in
	header) start_part stall:10 ;;
	payload) start_part stall:50 ;;
	*) start_$how ;;
	esac
	exec 8<"$dev"
	read_at 160
	kill -9 $reader
	wait_for 3 gone $reader || fail "$how: a killed reader does not end"
	read_at 224 direct
	kill -9 $reader
	took expect_status 0 nbdctl detach --force "$dev"
	[ "$seconds" -le $((5 * slow)) ] || fail "$how: detach took $seconds s"
	wait_for 3 gone $reader || fail "$how: a detached reader does not end"
	exec 8<&-
	took unload_module
	[ "$seconds" -le $((5 * slow)) ] || fail "$how: rmmod took $seconds s"
	load_module
	kill_server "$server_pid"
done
