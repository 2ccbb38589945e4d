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
}
bring_back()
{
	[ "$(cat $cpu)" = 1 ] || echo 1 >$cpu
}
at_exit bring_back
# A reader bound to each; sets readers.
read_on_both()
{
	local n

	readers=()
	for n in 0 1; do
		taskset -c $n dd if="$dev" of=/dev/null bs=4k count=1 \
			iflag=direct status=none 2>"$T/dd$n.log" &
		readers+=($!)
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

# Requests of both are with a server that has stopped.
attach -C 4 --no-partscan --timeout 600 "$uri"
kill -STOP "$server_pid"
read_on_both
two_in_flight()
{
	[ "$(awk '{ print $1 + $2 }' "/sys/block/${dev#/dev/}/inflight")" = 2 ]
}
wait_for 10 two_in_flight || fail "there are not two requests in flight"
processor 0
say "with requests in flight it took $seconds s"
two_in_flight || fail "there are not two requests in flight any more"
processor 1
kill -CONT "$server_pid"
for n in 0 1; do
	wait "${readers[n]}" || fail "reader $n: $(cat "$T/dd$n.log")"
done
detach "$dev"

# Requests that wait for a connection belong to the one that goes.
attach -C 4 --no-partscan --dead-timeout $((60 * slow)) "$uri"
kill_server "$server_pid"
wait_for 10 state_is "$dev" parked || fail "state $(field "$dev" .state)"
read_on_both
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
