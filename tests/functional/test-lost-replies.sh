#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's fault injection forgets replies (fail_io_timeout): the requests are found
# by their timeout, travel again over new connections, and every one of them ends well
# with the right data; with no connection left they end with an error, at once.
# skips: stock
# timeout: 200
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio jq
fault=/sys/kernel/debug/fail_io_timeout
[ -e $fault ] || skip "a kernel without fail_io_timeout"
export NBDCTL_RUN_DIR=$T/run
# lose PERCENT TIMES: so many replies of the device, at most.
lose()
{
	echo "$2" >$fault/times
	echo "$1" >$fault/probability
	echo $(($1 > 0)) >"/sys/block/$name/io-timeout-fail"
}
lost()
{
	[ "$(cat $fault/times)" = 0 ]
}
stop_losing()
{
	echo 0 >$fault/probability
}
at_exit stop_losing
echo 0 >$fault/verbose
nbdctl monitor 2>"$T/monitor.log" &
for kind in unix tcp; do
	start_nbdkit $kind memory 16M
	attach -C 3 --no-partscan --persist --timeout "$slow" --fence 1 \
		--dead-timeout $((30 * slow)) "$uri"
	lose 25 12
	verify "$dev" 4M --fsync=64
	lost || fail "only $((12 - $(cat $fault/times))) replies were lost"
	lose 0 0
	failures=$(field "$dev" '[.connections[].failures] | add')
	say "$kind: $failures connections were given up"
	[ "$failures" -gt 0 ] || fail "no connection was given up"
	wait_for 20 live_is 3 || fail "$(field "$dev" .connections_live) live"
	detach "$dev"
done

# The only one is lost, and nobody connects again.
attach --no-partscan --timeout 1 --dead-timeout 0 "$uri"
lose 100 1
! timeout $((20 * slow)) dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct \
	status=none 2>"$T/err" || fail "the read succeeded"
grep -q 'Input/output error' "$T/err" || fail "dd says: $(cat "$T/err")"
lost || fail "no reply was lost"
expect_field "$dev" .state dead
lose 0 0
detach --force "$dev"
