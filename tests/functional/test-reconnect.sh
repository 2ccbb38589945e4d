#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The server is killed under verified I/O and comes back: nbdctl reconnect gives the
# device new connections, and nobody sees an error. What is no longer the same disk
# is refused. Live connections can be moved to another server, and nobody mixes two.
# timeout: 180
# cpus: 2
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio jq python3
# serve SIZE ARG...: a server on the socket of the first one.
serve()
{
	truncate -s "$1" "$T/disk"
	shift
	serve_nbdkit "$@" file "$T/disk"
}
ended()
{
	gone "$server_pid"
}
listen_on unix
serve 64M
attach -C 4 --dead-timeout 100 "$uri"
expect_status 0 nbdctl reconnect "$dev"
[ "$(cat "$T/out")" = "$name: 4 of 4 connections are live" ] ||
	fail "nbdctl reconnect said: $(cat "$T/out")"
run_io "$dev" --verify=crc32c --verify_backlog=64 --fsync=32 --rw=randwrite
for _ in 1 2; do
	kill -9 "$server_pid"
	wait_for 10 state_is "$dev" parked || fail "state $(field "$dev" .state)"
	served_before=$(served "$dev")
	# Nobody is there; then somebody who has another disk.
	refused 3 'cannot connect' nbdctl reconnect "$dev"
	serve 63M
	refused 5 'shrunk' nbdctl reconnect "$dev"
	kill_server "$server_pid"
	wait_for 5 ended || fail "nbdkit does not end"
	serve 64M -r
	refused 5 'flags' nbdctl reconnect "$dev"
	kill_server "$server_pid"
	wait_for 5 ended || fail "nbdkit does not end"
	for size in minimum=4096 maximum=1M; do
		serve_nbdkit --filter=blocksize-policy file "$T/disk" "blocksize-$size"
		refused 5 'block sizes' nbdctl reconnect "$dev"
		kill_server "$server_pid"
		wait_for 5 ended || fail "nbdkit does not end"
	done
	state_is "$dev" parked || fail "state $(field "$dev" .state)"
	serve 64M
	# Two at a time: one is faster, both have what they want.
	nbdctl reconnect "$dev" >"$T/other" 2>&1 &
	other=$!
	expect_status 0 nbdctl reconnect "$dev"
	wait "$other" || fail "the other one said: $(cat "$T/other")"
	cmp "$T/out" "$T/other" || fail "$(cat "$T/out" "$T/other")"
	live_is 4 || fail "not all are live"
	state_is "$dev" live || fail "state $(field "$dev" .state)"
	wait_for 20 has_served "$dev" || fail "I/O does not go on"
done
# To another server, while all connections are live.
first=$server_pid
old=$sock
listen_on unix
serve 64M
refused_attached 6 'replace moves them' nbdctl reconnect "$dev" "$uri"
expect_field "$dev" .moved_to null
expect_status 0 nbdctl reconnect "$dev" "nbd+unix:///?socket=$old"
expect_status 0 nbdctl reconnect --replace "$dev" "$uri"
live_is 4 || fail "not all are live"
served_before=$(served "$dev")
wait_for 20 has_served "$dev" || fail "I/O does not go on"
[ -z "$(ss -Hxn state established | awk -v s="$old" '$4 == s')" ] ||
	fail "the first server still has connections"
kill_server "$first"
# From now on it is there.
expect_field "$dev" .moved_to "$uri"
expect_field "$dev" .backend "nbd+unix:///?socket=$old"
nbdctl status "$dev" | grep -qE "^ +moved to +nbd.unix:.*$sock\$" ||
	fail "status: $(nbdctl status "$dev")"
kill -9 "$server_pid"
wait_for 10 state_is "$dev" parked || fail "state $(field "$dev" .state)"
serve 64M
expect_status 0 nbdctl reconnect "$dev"
live_is 4 || fail "not all are live"
served_before=$(served "$dev")
wait_for 20 has_served "$dev" || fail "I/O does not go on"
kill -0 "$io_pid" || fail "I/O has ended: $(cat "$T/io.log")"
kill -INT "$io_pid"
wait "$io_pid" || true
grep -q 'err= 0' "$T/io.log" || fail "fio found errors: $(cat "$T/io.log")"
detach "$dev"

# Another server gets no connection beside those of the first.
direct=$uri
start_captive unix "proxy:$sock"
attach -C 2 "$uri"
kill -USR1 "$server_pid"
wait_for 10 live_is 1 || fail "no connection went"
refused 5 'go to another server' nbdctl reconnect "$dev" "$direct"
live_is 1 || fail "$(field "$dev" .connections_live) live, not 1"
expect_status 0 nbdctl reconnect "$dev" "$uri"
live_is 2 || fail "not all are live"

# Not even the one that the device was attached to, once it has been moved.
first=$uri
start_captive unix "proxy:${direct#*socket=}"
expect_status 0 nbdctl reconnect --replace "$dev" "$uri"
kill -USR1 "$server_pid"
wait_for 10 live_is 1 || fail "no connection went"
refused 5 'go to another server' nbdctl reconnect "$dev" "$first"
live_is 1 || fail "$(field "$dev" .connections_live) live, not 1"
expect_field "$dev" .moved_to "$uri"
expect_status 0 nbdctl reconnect "$dev"
live_is 2 || fail "not all are live"
expect_status 0 nbdctl reconnect --replace "$dev" "$first"
expect_field "$dev" .moved_to null
detach "$dev"

# A newer server can do more: the device does without, as it did. Never the other way.
listen_on unix
serve 64M --filter=nozero
attach "$uri"
expect_queue write_zeroes_max_bytes 0
kill_server "$server_pid"
wait_for 10 live_is 0 || fail "the connection did not go"
serve 64M
expect_status 0 nbdctl reconnect "$dev"
expect_queue write_zeroes_max_bytes 0
detach "$dev"
attach "$uri"
[ "$(queue write_zeroes_max_bytes)" != 0 ] || fail "it does not zero"
kill_server "$server_pid"
wait_for 10 live_is 0 || fail "the connection did not go"
serve 64M --filter=nozero
refused 5 'flags' nbdctl reconnect "$dev"
detach --force "$dev"
kill_server "$server_pid"
wait_for 5 ended || fail "nbdkit does not end"

# Nobody would flush what was attached to a server that needed no flush.
scripts=(eval get_size='echo 64M' pread="head -c \$3 /dev/zero" pwrite='cat >/dev/null')
serve_nbdkit "${scripts[@]}"
attach --no-partscan "$uri"
expect_queue write_cache 'write through'
kill_server "$server_pid"
wait_for 10 live_is 0 || fail "the connection did not go"
wait_for 5 ended || fail "nbdkit does not end"
serve_nbdkit "${scripts[@]}" flush='exit 0'
refused 5 'flags' nbdctl reconnect "$dev"
detach --force "$dev"

# A link to a socket may lead elsewhere the next time.
start_nbdkit unix file "$T/disk"
cd "$T"
ln -s "$sock" link
attach 'nbd+unix:///?socket=link'
expect_field "$dev" .backend "nbd+unix:///?socket=$T/link"
kill_server "$server_pid"
wait_for 10 live_is 0 || fail "the connection did not go"
start_nbdkit unix file "$T/disk"
ln -sfn "$sock" link
expect_status 0 nbdctl reconnect "$dev"
expect_field "$dev" '.connections[0].peer' "unix:$sock"
detach "$dev"

# A host with two addresses: new connections go to the one that the live ones have.
printf '127.0.0.1 twice\n::1 twice\n' >"$T/hosts"
mount --bind "$T/hosts" /etc/hosts
mounts+=(/etc/hosts)
if ! getent ahosts twice | grep -q '^::1 .*STREAM'; then
	skip "no IPv6 here for the last of it"
fi
before=$sock
start_captive tcp "proxy:$before"
attach -C 2 "nbd://twice:$port/"
peer=$(field "$dev" '.connections[0].peer')
[ "$peer" = "127.0.0.1:$port" ] || fail "it is connected to $peer"
kill -USR1 "$server_pid"
wait_for 10 live_is 1 || fail "no connection went"
# The first address has a server now, too.
getent ahosts twice | head -n 1 | grep -q '^::1 ' || say "127.0.0.1 comes first here"
nbdkit -P "$T/pid-six" -i ::1 -p "$port" file "$T/disk" || fail "no server at ::1"
took_pid "$T/pid-six"
expect_status 0 nbdctl reconnect "$dev"
live_is 2 || fail "not all are live"
detach "$dev"
