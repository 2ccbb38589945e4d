#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Devices whose connections are in another network namespace than the monitor, or than
# init if there is none: attach says so where that matters. A monitor in one hears what is
# lost, and connects from there. detach --stalled does not ask whoever has the server's
# address elsewhere.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit jq ip
export NBDCTL_RUN_DIR=$T/run
ip netns add storage || skip "no network namespaces here"
at_exit ip netns del storage
ip -n storage link set lo up
ip -n storage address add 192.0.2.1/32 dev lo
inside=(ip netns exec storage)
warning='again from another network namespace'
# start_monitor [COMMAND...]: by that.
start_monitor()
{
	"$@" nbdctl monitor 2>"$T/monitor.log" &
	monitor=$!
	wait_for 10 grep -q "FLOCK .* $monitor " /proc/locks ||
		fail "the monitor does not run"
}
end_monitor()
{
	kill "$monitor"
	wait "$monitor" || fail "the monitor ended with $?"
}
# says LINES COUNT COMMAND...: what attaches a device has as many lines to say, so many
# of them the warning; the device goes again.
says()
{
	local lines=$1 count=$2 device

	shift 2
	device=$("$@" 2>"$T/err") || fail "$*: $(cat "$T/err")"
	[ "$(wc -l <"$T/err")" = "$lines" ] &&
		[ "$(grep -c "$warning" "$T/err")" = "$count" ] ||
		fail "$* said: $(cat "$T/err")"
	detach "$device"
}

start_nbdkit unix memory 16M
path=$uri
listen_on tcp
uri=nbd://192.0.2.1:$port/
serve_inside()
{
	rm -f "$T/pid"
	"${inside[@]}" nbdkit -P "$T/pid" -i 192.0.2.1 -p "$port" --filter=delay memory \
		16M rdelay=$((4 * slow)) || fail "no server in the namespace"
	took_pid "$T/pid"
}
serve_inside
attach=(nbdctl attach --no-partscan)
says 2 1 "${inside[@]}" "${attach[@]}" --persist "$uri"
says 1 0 "${inside[@]}" "${attach[@]}" --persist "$path"
says 0 0 "${inside[@]}" "${attach[@]}" "$uri"
start_monitor
says 1 1 "${inside[@]}" "${attach[@]}" --persist "$uri"
says 0 0 "${inside[@]}" "${attach[@]}" --persist "$path"
says 1 1 "${inside[@]}" "${attach[@]}" --persist --alternate "$uri" "$path"
says 0 0 "${attach[@]}" --persist --alternate "$uri" "$path"
end_monitor
start_monitor "${inside[@]}"
says 0 0 "${inside[@]}" "${attach[@]}" --persist "$uri"
says 1 1 "${attach[@]}" --persist --alternate "$uri" "$path"
dev=$("${inside[@]}" "${attach[@]}" --persist "$uri") || fail "it is not attached"
kill -9 "$server_pid"
wait_for 20 grep -q 'connection lost' "$T/monitor.log" ||
	fail "the monitor does not hear of the loss: $(cat "$T/monitor.log")"
serve_inside
wait_for 20 grep -q 'are live again' "$T/monitor.log" ||
	fail "the monitor does not connect it: $(cat "$T/monitor.log")"
expect_field "$dev" '.connections[0].generation' 2
detach "$dev"
end_monitor

# A server that is busy, and then one that has stopped.
dev=$("${inside[@]}" "${attach[@]}" "$uri" 2>"$T/err") || fail "$(cat "$T/err")"
expect_status 0 nbdctl detach --stalled "$slow" --all
attached "$dev" || fail "it is detached from another network namespace"
kill -STOP "$server_pid"
expect_status 0 nbdctl detach --stalled "$slow" --all
attached "$dev" || fail "it is detached from another network namespace"
expect_status 0 "${inside[@]}" nbdctl detach --stalled "$slow" --all
wait_for 5 not_attached "$dev" || fail "it is still attached"
nothing_left
