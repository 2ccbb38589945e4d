#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that keeps writes in memory until it is told to flush is killed and
# comes back without them (row A of the known hazards): the next flush is
# counted as one that came too late, and is an error if --on-restart says so. What was
# flushed, or can still be flushed, is not counted. A flush that the server answers
# before an earlier write does not count for that. If the flush was on its way when the
# server was killed, who flushes next is told, too, but not who opens the device later.
# timeout: 120
# leaks: yes
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit jq python3
truncate -s 16M "$T/disk"
head -c 1M /dev/urandom >"$T/data"
listen_on unix
serve()
{
	serve_nbdkit --filter=cache file "$T/disk" cache=writeback
}
# restart: the server is killed, comes back, and has a connection.
restart()
{
	kill -9 "$server_pid"
	wait_for 10 state_is "$dev" parked || fail "state $(field "$dev" .state)"
	serve
	expect_status 0 nbdctl reconnect "$dev"
}
write_at()
{
	dd if="$T/data" of="$dev" bs=1M seek="$1" oflag=direct conv=notrunc \
		status=none || fail "cannot write"
}
on_disk()
{
	cmp -s -n $((1 << 20)) -i "0:$(($1 << 20))" "$T/data" "$T/disk"
}
# amid_flush MIB: the server is killed with a flush on its way, which fails then.
amid_flush()
{
	local flusher

	write_at "$1"
	kill -STOP "$server_pid"
	sync "$dev" 2>"$T/err" &
	flusher=$!
	wait_for 10 in_flight 1 || fail "no flush is in flight"
	restart
	! wait $flusher || fail "the flush that was on its way did not fail"
}
is_open()
{
	[ "$(field "$dev" .openers)" != 0 ]
}
serve
for what in trust error; do
	attach --no-partscan --dead-timeout 100 --on-restart $what "$uri"
	expect_field "$dev" .on_restart $what
	expect_field "$dev" .losses 0
	# Flushed before the server goes.
	write_at 1
	sync "$dev" || fail "cannot flush"
	on_disk 1 || fail "the server did not flush"
	restart
	sync "$dev" || fail "a flush that had nothing to do failed"
	expect_field "$dev" .losses 0
	# Written after it came back.
	write_at 2
	sync "$dev" || fail "cannot flush"
	on_disk 2 || fail "the server did not flush"
	expect_field "$dev" .losses 0
	# Acknowledged, and not flushed.
	write_at 3
	restart
	! on_disk 3 || fail "this server keeps nothing in memory"
	if [ $what = trust ]; then
		sync "$dev" || fail "the flush failed"
	else
		! sync "$dev" 2>"$T/err" || fail "the flush did not fail"
		grep -q 'Input/output error' "$T/err" ||
			fail "not EIO: $(cat "$T/err")"
	fi
	expect_field "$dev" .losses 1
	dmesg | tail -n 20 | grep -q "$name: connection 0 .* may be lost" ||
		fail "the log does not say it"
	# Once.
	sync "$dev" || fail "the second flush failed"
	expect_field "$dev" .losses 1
	write_at 4
	sync "$dev" || fail "cannot flush"
	on_disk 4 || fail "the server did not flush"
	if [ $what = error ]; then
		# Somebody else has it open, and may have written.
		tail -f /dev/null <"$dev" &
		holder=$!
		wait_for 10 is_open || fail "nobody has it open"
		amid_flush 5
		! sync "$dev" 2>"$T/err" || fail "the next flush did not fail"
		sync "$dev" || fail "the one after it failed"
		expect_field "$dev" .losses 3
		kill $holder
		wait $holder || true
		amid_flush 6
		sync "$dev" || fail "who opened it later was told"
		expect_field "$dev" .losses 4
		# Nobody was told: closing it changes nothing.
		write_at 7
		restart
		! sync "$dev" 2>"$T/err" || fail "nobody was told"
		expect_field "$dev" .losses 5
	fi
	detach "$dev"
	kill -9 "$server_pid"
	truncate -s 0 "$T/disk"
	truncate -s 16M "$T/disk"
	serve
done
refused 2 'on-restart' nbdctl attach --on-restart perhaps "$uri"

# A flush that is answered before a write that came before it says nothing of that.
start_scripted eager unix
attach --no-partscan --dead-timeout 100 --on-restart error "$uri"
dd if="$T/data" of="$dev" bs=4k count=1 oflag=direct conv=notrunc status=none \
	2>"$T/dd.log" &
writer=$!
sleep 1
! gone $writer || fail "the write was answered before a flush: $(cat "$T/dd.log")"
sync "$dev" || fail "the early flush failed"
wait $writer || fail "the write failed: $(cat "$T/dd.log")"
expect_field "$dev" .losses 0
kill -9 "$server_pid"
wait_for 10 state_is "$dev" parked || fail "state $(field "$dev" .state)"
rm "$sock"
/usr/bin/python3 "$(dirname "$0")/../servers/eager" "$sock" >"$T/eager.log" 2>&1 &
server_pids+=($!)
wait_for 20 grep -q ready "$T/eager.log" || fail "eager: $(cat "$T/eager.log")"
expect_status 0 nbdctl reconnect "$dev"
! sync "$dev" 2>"$T/err" || fail "the write counts as flushed"
expect_field "$dev" .losses 1
detach "$dev"
