#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An attached device that nobody uses takes no CPU: no work of the driver runs
# and no timer of its fires in five seconds, over sixteen connections, and none of
# its threads wakes up.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
tracing=/sys/kernel/tracing
[ -e $tracing/trace ] || mount -t tracefs tracefs $tracing
[ -e $tracing/events/workqueue/workqueue_execute_start ] ||
	skip "this kernel cannot trace work"
events=(workqueue/workqueue_execute_start timer/timer_expire_entry
	timer/hrtimer_expire_entry sched/sched_switch)
# trace 0|1
trace()
{
	local e

	for e in "${events[@]}"; do
		[ ! -e "$tracing/events/$e" ] ||
			echo "$1" >"$tracing/events/$e/enable"
	done
}
# ours: what of the driver ran.
ours()
{
	grep -E 'function=nbd_|function nbd_|\[nbd\]|comm=nbd-' \
		$tracing/trace
}
# kept: no event had to make room for another.
kept()
{
	! grep -hE '^(overrun|dropped events): [1-9]' $tracing/per_cpu/cpu*/stats ||
		fail "events were lost"
}
start_nbdkit unix memory 16M
attach -C 16 "$uri"
at_exit trace 0
# To see that it would be seen.
: >$tracing/trace
trace 1
fio --name=r --filename="$dev" --rw=randread --bs=4k --iodepth=32 \
	--ioengine=libaio --direct=1 --number_ios=256 >"$T/fio.log" 2>&1 ||
	fail "fio: $(tail -n 3 "$T/fio.log")"
trace 0
kept
grep -q 'nbd_io_work' < <(ours) || fail "no work was seen in reads"
grep -q 'comm=nbd-send' < <(ours) || fail "no sender was seen in reads"
say "$(ours | wc -l) lines for 256 reads"
sleep 2
: >$tracing/trace
trace 1
sleep 5
trace 0
kept
[ -z "$(ours)" ] || fail "not idle: $(ours | head -n 10)"
grep -qv '^#' $tracing/trace || fail "nothing at all was seen"
detach "$dev"
