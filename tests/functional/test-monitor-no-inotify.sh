#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A user may have no inotify instance left: the monitor runs all the same, and knows the
# alternates of devices that are attached after its start.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit jq
export NBDCTL_RUN_DIR=$T/run
instances=/proc/sys/fs/inotify/max_user_instances
before=$(<$instances)
at_exit eval "echo $before >$instances"
echo 0 >$instances
nbdctl monitor 2>"$T/monitor.log" &
monitor=$!
wait_for 10 grep -q max_user_instances "$T/monitor.log" ||
	fail "the monitor says: $(cat "$T/monitor.log")"
start_nbdkit unix memory 16M
attach -C 2 --persist --alternate "nbd+unix:///?socket=$T/second" "$uri"
kill -9 "$server_pid"
wait_for 10 state_is "$dev" parked || fail "state $(field "$dev" .state)"
listen_kind=unix sock=$T/second
serve_nbdkit memory 16M
wait_for 15 live_is 2 || fail "$(field "$dev" .reconnect) $(cat "$T/monitor.log")"
detach "$dev"
kill $monitor
wait $monitor || fail "the monitor ended with $?"
nothing_left
