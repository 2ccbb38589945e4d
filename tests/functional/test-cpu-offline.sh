#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A processor goes and comes back, again and again, under verified I/O over four
# connections; also while requests wait for a server that is gone or has stopped, and
# between attach and detach. No request fails, and nothing holds the processor up.
# timeout: 240
# cpus: 2
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
cpu=/sys/devices/system/cpu/cpu1/online
[ -w $cpu ] || skip "no processor that can go"
# processor 0|1
processor()
{
	took timeout $((30 * slow)) bash -c "echo $1 >$cpu" ||
		fail "processor 1 cannot become $1: status $?"
	[ "$(cat $cpu)" = "$1" ] || fail "processor 1 is not $1"
	[ "$seconds" -le $((10 * slow)) ] || fail "it took $seconds s to become $1"
}
bring_back()
{
	[ "$(cat $cpu)" = 1 ] || echo 1 >$cpu
}
at_exit bring_back
# on_both DD-ARGUMENT...: a process bound to each; sets users.
on_both()
{
	local n

	users=()
	for n in 0 1; do
		taskset -c $n dd "$@" count=1 status=none 2>"$T/dd$n.log" &
		users+=($!)
	done
}
goes_on()
{
	served_before=$(served "$dev")
	wait_for 20 has_served "$dev" || fail "no I/O with processor 1 at $1"
}

start_nbdkit unix memory 32M
attach -C 4 "$uri"
run_io "$dev" --verify=crc32c --verify_fatal=1 --iodepth=16
for _ in 1 2 3 4 5 6; do
	processor 0
	goes_on 0
	processor 1
	goes_on 1
done
kill -INT "$io_pid"
wait "$io_pid" || true
grep -q 'err= 0' "$T/io.log" || fail "fio reports errors: $(cat "$T/io.out")"
detach "$dev"

# Attached with two and detached with one, and the other way round.
attach -C 4 "$uri"
processor 0
verify "$dev" 1M
detach "$dev"
attach -C 4 "$uri"
processor 1
verify "$dev" 1M
detach "$dev"

# Requests of both are with a server that has stopped; the larger ones half sent, since
# a socket takes less.
at_work()
{
	awk '{ print $1 + $2 }' "/sys/block/${dev#/dev/}/inflight"
}
some_at_work()
{
	[ "$(at_work)" -ge 2 ]
}
for how in read write; do
	attach -C 4 --no-partscan --timeout 600 "$uri"
	kill -STOP "$server_pid"
	case $how in
	read) on_both if="$dev" of=/dev/null bs=4k iflag=direct ;;
	write) on_both if=/dev/zero of="$dev" bs=8M oflag=direct iflag=fullblock ;;
	esac
	wait_for 10 some_at_work || fail "$how: no two requests in flight"
	sleep 1
	before=$(at_work)
	# A large one may be several.
	[ $how = write ] || [ "$before" = 2 ] || fail "$before requests in flight, not 2"
	processor 0
	say "$how: with $before requests in flight it took $seconds s"
	[ "$(at_work)" = "$before" ] || fail "$how: $(at_work) requests in flight now"
	processor 1
	kill -CONT "$server_pid"
	for n in 0 1; do
		wait "${users[n]}" || fail "$how $n: $(cat "$T/dd$n.log")"
	done
	detach "$dev"
done

# Requests that wait for a connection belong to the one that goes.
attach -C 4 --no-partscan --dead-timeout $((60 * slow)) "$uri"
kill_server "$server_pid"
wait_for 10 state_is "$dev" parked || fail "state $(field "$dev" .state)"
on_both if="$dev" of=/dev/null bs=4k iflag=direct
two_wait()
{
	[ "$(field "$dev" .parked)" = 2 ]
}
wait_for 10 two_wait || fail "$(field "$dev" .parked) requests wait, not 2"
processor 0
say "with requests that wait it took $seconds s"
two_wait || fail "$(field "$dev" .parked) requests wait now, not 2"
timeout $((30 * slow)) nbdctl detach --force "$dev" 2>"$T/err" ||
	fail "detach: $(cat "$T/err")"
wait
processor 1
