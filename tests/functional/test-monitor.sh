#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nbdctl monitor: a server that is killed and started again under verified I/O is
# connected to without anybody's help, also when the monitor is killed meanwhile. A
# server that moves is found, another disk is refused, a server that does not answer
# holds up no other device, and a monitor that has nothing to do does nothing.
# timeout: 300
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio jq python3
export NBDCTL_RUN_DIR=$T/run
# serve SIZE: a server of the disk on the socket that listen_on chose.
serve()
{
	truncate -s "$1" "$T/disk"
	serve_nbdkit file "$T/disk"
}
has_lock()
{
	grep -q "FLOCK .* $monitor " /proc/locks
}
start_monitor()
{
	nbdctl monitor 2>>"$T/monitor.log" &
	monitor=$!
	wait_for 10 has_lock || fail "the monitor does not run"
}
# has_tried N: in vain, as status shows.
has_tried()
{
	[ "$(field "$dev" '.reconnect.tries // 0')" -ge "$1" ]
}
# has_error TEXT
has_error()
{
	[[ $(field "$dev" '.reconnect.last_error // ""') == *"$1"* ]]
}
# recovers SECONDS COUNT: all connections are live by then, and nobody tries.
recovers()
{
	wait_for "$1" live_is "$2" ||
		fail "$(field "$dev" .connections_live) are live: $(field "$dev" .reconnect)"
	expect_field "$dev" .reconnect null
}
# has_resumed N: the last recovery took more than N tries.
has_resumed()
{
	local tries

	tries=$(sed -n 's/.*live again after \([0-9]*\) tr.*/\1/p' \
		"$T/monitor.log" | tail -n 1)
	[ "${tries:-0}" -gt "$1" ]
}
# effort: time and voluntary switches of the monitor so far.
effort()
{
	awk '{ print $14 + $15 }' "/proc/$monitor/stat"
	cat /proc/"$monitor"/task/*/status | grep '^voluntary_ctxt'
}

refused 2 'persist' nbdctl attach --alternate nbd://localhost/ nbd://localhost/
listen_on unix
serve 64M
attach -C 4 --persist "$uri"
grep -q 'before a monitor runs' "$T/err" || fail "attach says: $(cat "$T/err")"
expect_field "$dev" .persist true
expect_field "$dev" .dead_timeout 1209600
expect_field "$dev" '.alternates | length' 0
expect_field "$dev" .reconnect null
[ ! -e "$T/run" ] || fail "the kernel knows all, and yet there is $(find "$T/run")"
start_monitor
refused 6 'running already' nbdctl monitor

# Killed and started again, three times.
run_io "$dev" --verify=crc32c --verify_backlog=64 --fsync=32 --rw=randwrite
for _ in 1 2 3; do
	kill -9 "$server_pid"
	wait_for 10 has_tried 2 || fail "the monitor does not try"
	state_is "$dev" parked || fail "state $(field "$dev" .state)"
	has_error 'cannot connect' || fail "$(field "$dev" .reconnect)"
	served_before=$(served "$dev")
	serve 64M
	recovers 10 4
	wait_for 20 has_served "$dev" || fail "I/O does not go on"
done

# The monitor is killed, too; without it nothing happens.
kill -9 "$server_pid"
wait_for 10 has_tried 2 || fail "the monitor does not try"
kill -9 "$monitor"
wait "$monitor" || true
tries=$(field "$dev" .reconnect.tries)
served_before=$(served "$dev")
serve 64M
sleep 1
live_is 0 || fail "somebody else gives it connections"
has_tried "$tries" || fail "the tries are forgotten"
start_monitor
recovers 10 4
wait_for 5 has_resumed "$tries" || fail "not after more than $tries tries"
wait_for 20 has_served "$dev" || fail "I/O does not go on"
kill -0 "$io_pid" || fail "I/O has ended: $(cat "$T/io.log")"
kill -INT "$io_pid"
wait "$io_pid" || true
grep -q 'err= 0' "$T/io.log" || fail "fio found errors: $(cat "$T/io.log")"

# A smaller disk is another one.
kill -9 "$server_pid"
serve 63M
wait_for 10 has_error shrunk || fail "$(field "$dev" .reconnect)"
live_is 0 || fail "a smaller export was taken"
nbdctl status "$dev" >"$T/out"
grep -qE '^ +reconnecting +[0-9]+ (try|tries), last [0-9]+ s ago: .*shrunk' \
	"$T/out" || fail "status: $(cat "$T/out")"
kill_server "$server_pid"
serve 64M
recovers 15 4
detach "$dev"

# To another address.
old=$uri
listen_on tcp
attach -C 2 --persist --alternate nbd+unix:///?socket=/nonexistent \
	--alternate "$uri" --dead-timeout 600 "$old"
[ ! -s "$T/err" ] || fail "attach says: $(cat "$T/err")"
[ "$(stat -c %a "$T/run" "$T/run/$name.json" | xargs)" = "700 600" ] ||
	fail "modes: $(stat -c '%n %a' "$T/run" "$T/run/$name.json")"
expect_field "$dev" .dead_timeout 600
expect_field "$dev" '.alternates[1]' "$uri"
nbdctl status "$dev" >"$T/out"
grep -qE "^ +alternate +nbd://127.0.0.1:$port/\$" "$T/out" ||
	fail "status: $(cat "$T/out")"
kill -9 "$server_pid"
wait_for 10 has_tried 2 || fail "the monitor does not try"
serve 64M
recovers 30 2
expect_field "$dev" '.connections[1].peer' "127.0.0.1:$port"

# It is sought where it was found, not where it was at first.
sleep 3
: >"$T/monitor.log"
kill -9 "$server_pid"
wait_for 10 has_tried 2 || fail "the monitor does not try"
grep -m1 'cannot reconnect' "$T/monitor.log" | grep -q "127.0.0.1 port $port" ||
	fail "it was sought elsewhere first: $(cat "$T/monitor.log")"
serve 64M
recovers 30 2

# Moved by hand: where it was is still there, under all its names, and gets nothing.
detach "$dev"
[ ! -e "$T/run/$name.json" ] || fail "detach leaves $name.json"
start_nbdkit unix file "$T/disk"
ln -s "$sock" "$T/other-name"
attach -C 2 --persist --alternate "nbd+unix:///?socket=$T/other-name" "$uri"
listen_on unix
serve 64M
expect_status 0 nbdctl reconnect --replace "$dev" "$uri"
kill -9 "$server_pid"
wait_for 10 has_tried 2 || fail "the monitor does not try"
live_is 0 || fail "it went back to $(field "$dev" '.connections[0].peer')"
serve 64M
recovers 15 2
expect_field "$dev" '.connections[1].peer' "unix:$sock"

# One server is silent, that of another device is back at once.
detach "$dev"
attach -C 2 --persist "$uri"
first=$dev
kill -9 "$server_pid"
rm -f "$sock"
/usr/bin/python3 "$(dirname "$0")/../servers/captive" silent "$sock" \
	>"$T/captive.log" 2>&1 &
silent=$!
silent_sock=$sock
wait_for 20 grep -q ready "$T/captive.log" || fail "captive did not start"
listen_on unix
serve 64M
attach --persist "$uri"
# In an attempt that lasts 10 s, and then in the next one.
sleep 2
for _ in 1 2; do
	kill -9 "$server_pid"
	wait_for 10 has_tried 1 || fail "the monitor waits for another device"
	serve 64M
	took recovers 5 1
	say "back after $seconds s"
done
second=$dev
dev=$first
live_is 0 || fail "a silent server gave connections"
wait_for 30 has_error 'timed out' || fail "$(field "$dev" .reconnect)"
kill "$silent"
sock=$silent_sock
serve 64M
recovers 25 2

# Nothing to do.
sleep 2
effort >"$T/before"
sleep 3
effort >"$T/after"
cmp -s "$T/before" "$T/after" ||
	fail "the idle monitor ran: $(paste "$T/before" "$T/after")"

# The module goes and comes back.
detach "$first" "$second"
unload_module
sleep 1
[ ! -e /sys/module/nbd ] || fail "the monitor has loaded a module"
load_module
listen_on unix
serve 64M
attach -C 2 --persist "$uri"
kill -9 "$server_pid"
wait_for 10 has_tried 1 || fail "the monitor does not see the new module"
serve 64M
recovers 10 2

# A device that is detached is forgotten.
kill -9 "$server_pid"
wait_for 10 has_tried 1 || fail "the monitor does not try"
detach --force "$dev"
wait_for 15 test ! -e "$T/run/monitor-$name.json" ||
	fail "the monitor remembers $name"

kill "$monitor"
wait "$monitor" || fail "the monitor ended with $?"

# A signal that is ignored, as by nohup, does not end it.
trap '' HUP
start_monitor
trap 'exit 143' HUP
kill -HUP "$monitor"
sleep 1
! gone "$monitor" || fail "SIGHUP ends it although it is ignored"
kill "$monitor"
wait "$monitor" || fail "the monitor ended with $?"
nothing_left
