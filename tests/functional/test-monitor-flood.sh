#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The monitor's memory is locked, it is the last to be killed and spared at shutdown. And
# it misses events when there are more than its socket holds, but not that it did: then
# it looks at all devices, and finds the one whose server went and came back meanwhile.
# timeout: 120
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit python3
export NBDCTL_RUN_DIR=$T/run
has_lock()
{
	grep -q "FLOCK .* $monitor " /proc/locks
}
is_stopped()
{
	[ "$(awk '{ print $3 }' "/proc/$monitor/stat")" = T ]
}
# memory FIELD: of the monitor, in KiB.
memory()
{
	awk -v field="$1:" '$1 == field { print $2 }' "/proc/$monitor/status"
}

listen_on unix
truncate -s 16M "$T/disk"
serve_nbdkit file "$T/disk"
attach -C 2 --persist --no-partscan "$uri"
nbdctl monitor 2>"$T/monitor.log" &
monitor=$!
wait_for 10 has_lock || fail "the monitor does not run"

# All that it has mapped, but for what the kernel maps.
[ $(($(memory VmLck) + 1024)) -ge "$(memory VmSize)" ] ||
	fail "locked $(memory VmLck) of $(memory VmSize) KiB"
[ "$(cat "/proc/$monitor/oom_score_adj")" = -1000 ] ||
	fail "oom_score_adj $(cat "/proc/$monitor/oom_score_adj")"
[ "$(head -c 1 "/proc/$monitor/cmdline")" = @ ] ||
	fail "its name is $(tr '\0' ' ' <"/proc/$monitor/cmdline")"
[ "$(readlink "/proc/$monitor/cwd")" = / ] || fail "it is not in /"

# What it does not read fills its socket. The kernel's own message about the connections
# is one too many then.
kill -STOP "$monitor"
wait_for 5 is_stopped || fail "it does not stop"
/usr/bin/python3 "$(dirname "$0")/../servers/flood" 4000 || fail "no flood"
kill -9 "$server_pid"
wait_for 10 state_is "$dev" parked || fail "state $(field "$dev" .state)"
drops=$(awk '$2 == 16 { sum += $9 } END { print sum + 0 }' /proc/net/netlink)
[ "$drops" -gt 0 ] || fail "nothing was dropped"
say "$drops messages were dropped"
serve_nbdkit file "$T/disk"
live_is 0 || fail "who connects it?"
kill -CONT "$monitor"
wait_for 20 live_is 2 || fail "it does not look: $(cat "$T/monitor.log")"
detach "$dev"
