#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# All tasks are frozen and thawed, as for a suspend: under load, with a program inside
# the DO_IT ioctl, and while requests wait for a dead server or one that has stopped,
# which may forbid it but not hang. Nothing fails for it.
# timeout: 150
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio nbd-client
cd /sys/power 2>/dev/null || skip "this kernel cannot suspend"
[ -w pm_test ] || skip "this kernel has no pm_test"
grep -q freezer pm_test || skip "this kernel has no test of the freezer"
cd /
echo freezer >/sys/power/pm_test
at_exit eval 'echo none >/sys/power/pm_test'
echo 5000 >/sys/power/pm_freeze_timeout
# freeze: all tasks, for the 5 s that pm_test has. Sets seconds.
freeze()
{
	frozen=0
	took timeout 60 sh -c 'echo freeze >/sys/power/state' 2>"$T/err" || frozen=$?
}

start_nbdkit unix memory 64M
attach -C 4 --no-partscan "$uri"
run_io "$dev" --verify=crc32c --verify_backlog=64 --rw=randwrite
freeze
[ $frozen = 0 ] || fail "under load it does not freeze: $(cat "$T/err")"
served_before=$(served "$dev")
wait_for 20 has_served "$dev" || fail "the I/O does not go on"
kill -INT "$io_pid"
wait "$io_pid" || true
grep -q 'err= 0' "$T/io.log" || fail "fio found errors: $(cat "$T/io.log")"
live_is 4 || fail "$(field "$dev" .connections_live) live, not 4"
detach "$dev"

# The ioctl that serves a device.
nbd-client -nonetlink -nofork -unix "$sock" /dev/nbd0 >"$T/nbd-client.log" 2>&1 &
client=$!
wait_for 20 attached nbd0 || fail "nbd-client: $(cat "$T/nbd-client.log")"
freeze
[ $frozen = 0 ] || fail "DO_IT does not freeze: $(cat "$T/err")"
! gone $client || fail "DO_IT has ended: $(cat "$T/nbd-client.log")"
verify /dev/nbd0 4M
nbd-client -d /dev/nbd0 >>"$T/nbd-client.log" 2>&1 || fail "nbd-client -d"
wait_for 10 gone $client || fail "nbd-client does not end"

# no_answer WHAT [DD-ARGUMENT...]: a program that nobody can answer does not hold it up.
no_answer()
{
	dd count=1 status=none "${@:2}" 2>"$T/dd.log" &
	reader=$!
	sleep 1
	freeze
	say "$1: status $frozen after $seconds s"
	[ "$seconds" -le 30 ] || fail "$1: it took $seconds s"
	! gone $reader || fail "$1: dd has ended: $(cat "$T/dd.log")"
	took expect_status 0 nbdctl detach --force "$dev"
	[ "$seconds" -le $((5 * slow)) ] || fail "$1: detach took $seconds s"
	wait_for 5 gone $reader || fail "$1: dd does not end"
}
# More than a socket takes is half sent.
for io in "if=nbd of=/dev/null bs=4k iflag=direct" \
	"if=/dev/zero of=nbd bs=8M oflag=direct iflag=fullblock"; do
	attach -C 2 --no-partscan --timeout 600 "$uri"
	kill -STOP "$server_pid"
	read -ra words <<<"${io/=nbd/=$dev}"
	no_answer "with a server that has stopped, ${io%% bs*}" "${words[@]}"
	kill -CONT "$server_pid"
done
attach --no-partscan --dead-timeout 1000 "$uri"
kill -9 "$server_pid"
no_answer "with a dead server" if="$dev" of=/dev/null bs=4k iflag=direct
