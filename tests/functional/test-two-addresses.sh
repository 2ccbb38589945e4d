#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A host with two addresses. At the first one somebody accepts connections for a server
# that has stopped, or is not there: attach and the monitor use the second one. What is
# said at the first one is an answer, and the last one may take all of the time.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit python3 jq
export NBDCTL_RUN_DIR=$T/run
printf '127.0.0.1 twice\n127.0.0.2 twice\n' >"$T/hosts"
mount --bind "$T/hosts" /etc/hosts
mounts+=(/etc/hosts)
read -r first _ < <(getent ahosts twice)
[ "$first" = 127.0.0.1 ] || skip "127.0.0.1 does not come first here"
# serve: at the second address, where listen_on said.
serve()
{
	rm -f "$T/pid-good"
	nbdkit -P "$T/pid-good" -i 127.0.0.2 -p "$port" memory 16M ||
		fail "no server at 127.0.0.2"
	took_pid "$T/pid-good"
}
# at_second COUNT: so many connections go there.
at_second()
{
	[ "$(field "$dev" "[.connections[] | select(.state == \"live\" and
		.peer == \"127.0.0.2:$port\")] | length")" = "$1" ]
}

nbdctl monitor 2>"$T/monitor.log" &
monitor=$!
wait_for 10 grep -q "FLOCK .* $monitor " /proc/locks || fail "the monitor does not run"
for how in silent close; do
	start_captive tcp $how
	uri=nbd://twice:$port/
	bad=$server_pid
	serve
	took attach -C 2 --persist --connect-timeout $((2 * slow)) "$uri"
	say "$how: $seconds s"
	at_second 2 || fail "$how: $(nbdctl status "$dev")"
	kill -9 "$server_pid"
	wait_for 10 live_is 0 || fail "$(field "$dev" .connections_live) are live"
	serve
	wait_for 15 at_second 2 || fail "$how: $(field "$dev" .reconnect)"
	detach "$dev"
	kill_server "$server_pid"
	# The first error is what is said.
	refused '[34]' ' its greeting' nbdctl attach --connect-timeout 1 "$uri"
	kill_server "$bad"
done
kill "$monitor"
wait "$monitor" || fail "the monitor ended with $?"

start_captive tcp http
bad=$server_pid
serve
refused 4 'not an NBD server' nbdctl attach "nbd://twice:$port/"
kill_server "$bad"

kill -STOP "$server_pid"
(sleep $((slow + 1)) && kill -CONT "$server_pid") &
attach -C 2 --connect-timeout $((2 * slow + 1)) "nbd://twice:$port/"
at_second 2 || fail "$(nbdctl status "$dev")"
detach "$dev"
nothing_left
