#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# attach --retry: a server that is about to start is waited for, also by an entry of
# nbdtab; one that refuses is not asked again. The wait ends in time, and at a signal.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit python3
# waiting COMMAND...: it runs in the background, as $waiter, and waits.
waiting()
{
	"$@" >"$T/out" 2>"$T/err" &
	waiter=$!
	wait_for 10 grep -q 'trying for 60 s' "$T/err" ||
		fail "$* said: $(cat "$T/err")"
	sleep 1
	! gone $waiter || fail "$* has ended"
}

for kind in unix tcp; do
	listen_on $kind
	waiting nbdctl attach -C 2 --retry 60 "$uri"
	serve_nbdkit memory 16M
	wait_for 10 gone $waiter || fail "it does not see the server"
	wait $waiter || fail "attach: status $?: $(cat "$T/err")"
	[ "$(cat "$T/out")" = /dev/nbd0 ] || fail "it printed: $(cat "$T/out")"
	[ "$(wc -l <"$T/err")" = 1 ] || fail "it said: $(cat "$T/err")"
	verify /dev/nbd0 4M
	detach /dev/nbd0
done

# Somebody who accepts connections for it and hangs up while it is not there.
start_captive unix close
waiting nbdctl attach --retry 60 "$uri"
kill_server "$server_pid"
serve_nbdkit memory 16M
wait $waiter || fail "attach: status $?: $(cat "$T/err")"
detach /dev/nbd0

start_nbdkit unix --filter=exportname memory 1M exportname=only exportname-strict=true
took refused 5 'export' nbdctl attach --retry 60 "$uri"
[ "$seconds" -le $((10 * slow)) ] || fail "a refusal took $seconds s"

listen_on unix
echo "nbd3 $sock - unix,retry=60" >"$T/nbdtab"
waiting nbdctl attach --nbdtab "$T/nbdtab" nbd3
kill $waiter
wait_for 5 gone $waiter || fail "it goes on after a signal"
took expect_status 3 nbdctl attach --nbdtab "$T/nbdtab" --retry 3 nbd3
[ "$seconds" -ge 2 ] && [ "$seconds" -le $((3 + 5 * slow)) ] ||
	fail "it took $seconds s"
[ "$(wc -l <"$T/err")" = 2 ] || fail "it said: $(cat "$T/err")"
nothing_left
