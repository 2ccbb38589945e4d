#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A monitor goes on when the file system of its run directory is moved, as /run is
# from an initramfs to the root; another one that waits takes its place as soon as it
# is gone.
# timeout: 120
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit jq
mkdir "$T/early" "$T/late"
# From a mount that is shared nothing can be moved.
mount --make-rprivate /
mount -t tmpfs tmpfs "$T/early"
mounts+=("$T/early" "$T/late")
export NBDCTL_RUN_DIR=$T/early/nbdctl
has_lock()
{
	grep -q "FLOCK .* $1 " /proc/locks
}
# A process that waits for it has a line with an arrow.
waits()
{
	grep -q -- "-> FLOCK .* $1 " /proc/locks
}
holds()
{
	has_lock "$1" && ! waits "$1"
}
has_tried()
{
	[ "$(field "$dev" '.reconnect.tries // 0')" -ge 1 ]
}
# survives MONITOR SOCKET: the server is killed, and found on that socket.
survives()
{
	kill -9 "$server_pid"
	wait_for 10 has_tried || fail "$1 does not try"
	listen_kind=unix sock=$2
	serve_nbdkit memory 16M
	wait_for 15 live_is 2 || fail "$1: $(field "$dev" .reconnect)"
	expect_field "$dev" .reconnect null
}

nbdctl monitor 2>"$T/early.log" &
early=$!
wait_for 10 holds $early || fail "the monitor does not run"
refused 6 'running already' nbdctl monitor
mount --move "$T/early" "$T/late"
export NBDCTL_RUN_DIR=$T/late/nbdctl
refused 6 'running already' nbdctl monitor
nbdctl monitor --wait 2>"$T/late.log" &
late=$!
wait_for 10 waits $late || fail "the second monitor does not wait"
# It ends as others do.
nbdctl monitor --wait 2>"$T/third.log" &
third=$!
wait_for 10 waits $third || fail "the third monitor does not wait"
kill $third
wait_for 5 gone $third || fail "a waiting monitor does not end"

# What attach leaves in the new place is seen: the alternate.
listen_on unix
first=$sock
serve_nbdkit memory 16M
attach -C 2 --persist --alternate "nbd+unix:///?socket=$T/second" "$uri"
[ -e "$T/late/nbdctl/$name.json" ] || fail "no file in the new place"
survives 'the moved monitor' "$T/second"
[ ! -s "$T/late.log" ] || fail "the waiting monitor said: $(cat "$T/late.log")"

kill -9 $early
wait_for 5 holds $late || fail "the waiting monitor does not take over"
survives 'the next monitor' "$first"
detach "$dev"
[ ! -e "$T/late/nbdctl/$name.json" ] || fail "detach leaves $name.json"
kill $late
wait $late || fail "the monitor ended with $?"
nothing_left
