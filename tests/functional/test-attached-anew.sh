#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Somebody detaches a device and attaches it anew, or gives it a connection, between two
# commands that nbdctl sends about it: what is there then is not what was meant, and
# nbdctl leaves it alone, with everything that belongs to it.
# leaks: yes
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit python3
export NBDCTL_RUN_DIR=$T/run
between=(/usr/bin/python3 "$(dirname "$0")/../servers/between")
connect=1 disconnect=2 reconfigure=3 get=32
listen_on unix
truncate -s 16M "$T/disk"
serve_nbdkit file "$T/disk"
anew="nbdctl detach --force nbd3 && nbdctl attach '$uri' nbd3 >'$T/anew'"
# still: nbd3 is what was attached in between, and nobody touched that.
still()
{
	[ "$(cat "$T/anew")" = /dev/nbd3 ] || fail "it was not attached anew"
	expect_field nbd3 .state live
	expect_field nbd3 '.connections | length' 1
	expect_field nbd3 '.connections[0].generation' 1
	expect_field nbd3 .moved_to null
	rm "$T/anew"
}

attach "$uri" nbd3
refused_attached 7 'attached anew' \
	"${between[@]}" $disconnect "$anew" nbdctl detach --force nbd3
still
refused_attached 7 'attached anew' \
	"${between[@]}" $disconnect "$anew" nbdctl detach nbd3
still
ln -s "$sock" "$T/moved"
refused_attached 7 'attached anew' \
	"${between[@]}" $reconfigure "$anew" \
	nbdctl reconnect --replace nbd3 "nbd+unix:///?socket=$T/moved"
still
# The new one has the new size, but is not the one that resize has seen.
truncate -s 32M "$T/disk"
refused_attached 7 'attached anew' \
	"${between[@]}" $reconfigure "$anew" nbdctl resize nbd3
still
detach nbd3

# An attach that fails takes back its own, and finds out that it is not there any more.
expect_status 1 "${between[@]}" $connect,$disconnect "$anew" \
	sh -c "exec nbdctl attach '$uri' nbd3 >/dev/full"
grep -q 'cannot write the output' "$T/err" || fail "attach said: $(cat "$T/err")"
still
detach nbd3
refused_attached 7 'was detached while' \
	"${between[@]}" $connect,$get "$anew" nbdctl attach "$uri" nbd3
still
detach nbd3
refused_attached 7 'was detached before' \
	"${between[@]}" $connect,$get "$anew" \
	nbdctl attach --persist --alternate nbd://127.0.0.1/ "$uri" nbd3
still
[ ! -e "$T/run/nbd3.json" ] || fail "left: $(cat "$T/run/nbd3.json")"
detach nbd3

# It looks dead, and has a connection when it would be detached.
for all in --all nbd3; do
	attach --dead-timeout 600 "$uri" nbd3
	kill -9 "$server_pid"
	wait_for 5 state_is nbd3 parked || fail "state $(field nbd3 .state)"
	dd if=/dev/urandom of="$T/data" bs=64k count=1 status=none
	dd if="$T/data" of="$dev" bs=64k count=1 oflag=direct status=none &
	writer=$!
	serve_nbdkit file "$T/disk"
	want=6
	[ $all = nbd3 ] || want=0
	expect_status $want "${between[@]}" $disconnect 'nbdctl reconnect nbd3' \
		nbdctl detach --dead $all
	[ $all != nbd3 ] || grep -q 'not dead: it has got a connection' "$T/err" ||
		fail "detach said: $(cat "$T/err")"
	wait $writer || fail "what was written is lost"
	cmp -n 65536 "$T/data" "$T/disk" || fail "the server does not have it"
	attached nbd3 || fail "it had a connection and is detached"
	expect_field nbd3 .state live
	detach nbd3
done
