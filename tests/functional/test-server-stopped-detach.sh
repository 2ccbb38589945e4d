#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that stops reading and answering, no timeout at all: detach --force
# is bounded all the same, with writes stuck half sent (hazard 15). Without --force it
# waits for what is dirty, as long as requests may wait, says so, and then that it cannot
# be flushed and how to go on.
# leaks: yes
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
for kind in unix tcp; do
	start_nbdkit $kind memory 64M
	attach -C 2 --timeout 0 --no-partscan "$uri"
	run_io "$dev" --rw=write --bs=1M
	kill -STOP "$server_pid"
	sleep 1
	took expect_status 0 nbdctl detach --force "$dev"
	[ "$seconds" -le $((5 * slow)) ] || fail "$kind: detach took $seconds s"
	io_fails 5
	wait_for 5 not_attached "$dev" || fail "$kind: still attached"
	kill_server "$server_pid"
done

start_nbdkit tcp memory 64M
attach --timeout 5 --no-partscan "$uri"
dd if=/dev/zero of="$dev" bs=1M count=8 status=none
kill -STOP "$server_pid"
took expect_status 1 nbdctl detach "$dev"
[ ! -s "$T/out" ] || fail "it printed $(cat "$T/out")"
[ "$(wc -l <"$T/err")" = 2 ] || fail "it did not say two lines: $(cat "$T/err")"
grep -q 'waiting for the server.*--force' "$T/err" ||
	fail "it does not say what it waits for: $(cat "$T/err")"
grep -q 'cannot be flushed: .*--force detaches it all the same' "$T/err" ||
	fail "it said: $(cat "$T/err")"
attached "$dev" || fail "it is detached"
[ "$seconds" -le $((20 * slow)) ] || fail "detach took $seconds s"
took expect_status 0 nbdctl detach --force "$dev"
[ "$seconds" -le $((5 * slow)) ] || fail "detach --force took $seconds s"
kill_server "$server_pid"

# What it leaves waiting in the kernel when it is interrupted has nothing of it open.
start_nbdkit tcp memory 64M
attach --timeout 600 --no-partscan "$uri"
dd if=/dev/zero of="$dev" bs=1M count=8 status=none
kill -STOP "$server_pid"
interrupted()
{
	timeout $((2 * slow)) nbdctl detach "$dev" 2>&1 | cat >"$T/out"
}
took interrupted || true
[ "$seconds" -le $((10 * slow)) ] || fail "its output was open for $seconds s"
attached "$dev" || fail "it is detached"
took expect_status 0 nbdctl detach --force "$dev"
[ "$seconds" -le $((5 * slow)) ] || fail "detach --force took $seconds s"
idle "$dev"
