#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# /etc/nbdtab: a device by its name, all of them, what nbd-client makes of the same
# file, and lines that are wrong.
# timeout: 180
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit nbd-server nbd-client jq
tab=$T/nbdtab
truncate -s 16M "$T/disk"
truncate -s 8M "$T/other"
# nbd-client 3.24 takes the default port, whatever port= says in the file.
new_port()
{
	port=10809
}
start_nbd_server tcp "$T/disk" "$T/other"
tcp_port=$port
start_nbdkit unix memory 4M
# attach_quietly ARG...: what it prints is in $T/out.
attach_quietly()
{
	expect_status 0 nbdctl attach "$@"
	# Nobody reconnects what is to persist here.
	! grep -v 'before a monitor runs' "$T/err" ||
		fail "nbdctl attach $* said: $(cat "$T/err")"
}
# prints DEVICE...: and nothing else.
prints()
{
	[ "$(tr '\n' ' ' <"$T/out")" = "$* " ] ||
		fail "printed $(cat "$T/out"), not $*"
}
# warned LINE: that is all it said.
warned()
{
	[ "$(cat "$T/err")" = "nbdctl: $1" ] || fail "said $(cat "$T/err"), not $1"
}
size_is()
{
	[ "$(blockdev --getsize64 "/dev/$1")" = $(($2 << 20)) ] ||
		fail "$1 has $(blockdev --getsize64 "/dev/$1") bytes"
}

# One file, read by nbd-client and by us.
[ ! -e /etc/nbdtab ] || {
	cp /etc/nbdtab "$T/nbdtab.old"
	at_exit cp "$T/nbdtab.old" /etc/nbdtab
}
cat >/etc/nbdtab <<END
# a disk, and one that can only be read
nbd3	127.0.0.1	disk	port=$tcp_port,bs=4096,timeout=17,conns=2,_netdev
nbd4	127.0.0.1	other	port=$tcp_port,swap,no_optgo,_x=1
END
# seen: what the two devices have become.
seen()
{
	local d

	for d in nbd3 nbd4; do
		field $d '[.size, .block_size, .connections_live,
			(.flags - ["multi-conn"] | sort)] | @json'
	done
	field nbd3 .timeout
}
for d in nbd3 nbd4; do
	timeout $((30 * slow)) nbd-client $d >"$T/nbd-client.log" 2>&1 ||
		fail "nbd-client $d: status $?"
	wait_for 5 attached $d || fail "nbd-client does not attach $d"
done
seen >"$T/theirs"
detach --all
attach_quietly nbd3
prints /dev/nbd3
attach_quietly /dev/nbd4
prints /dev/nbd4
expect_field nbd4 .no_optgo true
seen >"$T/ours"
cmp -s "$T/theirs" "$T/ours" ||
	fail "not as nbd-client: $(diff "$T/theirs" "$T/ours")"
size_is nbd4 8
refused 6 'attached already' nbdctl attach nbd3
refused 7 'nbd5 is not in /etc/nbdtab' nbdctl attach nbd5
detach --all

# What is in the table is taken by nobody else, although it is free; one more device is
# made if all are in it.
attach_quietly "$uri"
prints /dev/nbd0
attach_quietly nbd3
detach --all
cp /etc/nbdtab "$T/nbdtab.two"
for d in /sys/block/nbd*; do
	[ "${d##*/nbd}" = 2 ] || echo "${d##*/} h x"
done >/etc/nbdtab
attach_quietly "$uri"
prints /dev/nbd2
last=$(find /sys/block/nbd* | sed 's/.*nbd//' | sort -n | tail -n 1)
echo "nbd$((last + 1)) h x" >>/etc/nbdtab
attach_quietly "$uri"
prints "/dev/nbd$((last + 2))"
detach --all
cp "$T/nbdtab.two" /etc/nbdtab

# Ours: URIs and the options of attach; the command line has the last word.
cat >"$tab" <<END
nbd1 $uri - queue-depth=33,persist,dead-timeout=60,alternate=nbd://192.0.2.1/x
/dev/nbd2 127.0.0.1 disk port=$tcp_port,zeroes=off
nbd6 $sock any unix,read-only,fence=9
END
attach_quietly --nbdtab "$tab" --dead-timeout 61 1
prints /dev/nbd1
expect_field nbd1 .queue_depth 33
expect_field nbd1 .persist true
expect_field nbd1 .dead_timeout 61
expect_field nbd1 '.alternates[0]' nbd://192.0.2.1/x
expect_field nbd1 .backend "$uri"
attach_quietly --nbdtab "$tab" --all
prints /dev/nbd2 /dev/nbd6
expect_field nbd2 .zeroes off
expect_field nbd6 .dead_timeout 0
[ "$(cat /sys/block/nbd6/ro)" = 1 ] || fail "nbd6 is not read-only"
attach_quietly --nbdtab "$tab" --all
[ ! -s "$T/out" ] || fail "attached again: $(cat "$T/out")"
# What is attached is not what is wanted, or its line is wrong now.
sed -i -e 's,^nbd1 [^ ]*,nbd1 nbd://192.0.2.1/x,' -e 's,fence=9,fence=x,' "$tab"
expect_status 6 nbdctl attach --nbdtab "$tab" --all
grep -qF "$tab, line 1: nbd1 is attached to something else, $uri" "$T/err" ||
	fail "$(cat "$T/err")"
grep -q "$tab, line 3: " "$T/err" || fail "$(cat "$T/err")"
detach --all

# After a failure the others follow; the first one's status counts.
cat >"$tab" <<END
nbd1 127.0.0.1 disk port=$tcp_port
nbd2 127.0.0.1 no-such-export port=$tcp_port
nbd3 127.0.0.1 disk port=$tcp_port,tls,certfile=/c,keyfile=/k
nbd4 $sock any unix,sdp
nbd5 $sock any unix
END
expect_status 5 nbdctl attach --all --nbdtab "$tab"
prints /dev/nbd1 /dev/nbd5
[ "$(wc -l <"$T/err")" = 3 ] || fail "not three lines: $(cat "$T/err")"
grep -q "$tab, line 3: TLS is not supported" "$T/err" || fail "$(cat "$T/err")"
detach --all
refused 2 'TLS is not supported' nbdctl attach --nbdtab "$tab" nbd3

# A line that is wrong: its device is not attached, and others are.
for bad in "nbd1 $sock" 'nbd1 h x colour,bs=1' 'sda h x' 'nbd1 h x bs=1' \
	'nbd1 h x queue-depth=0' 'nbd1 nbd://h:x/ -' 'nbd1 h x a b'; do
	printf 'nbd2 127.0.0.1 disk port=%s\n%s\n' "$tcp_port" "$bad" >"$tab"
	refused 2 "$tab, line 2: " nbdctl attach --nbdtab "$tab" nbd1
	expect_status 2 nbdctl attach --nbdtab "$tab" --all
	prints /dev/nbd2
	grep -q "$tab, line 2: " "$T/err" || fail "$bad: $(cat "$T/err")"
	detach nbd2
	attach_quietly --nbdtab "$tab" nbd2
	detach nbd2
done
# What nobody knows is passed over, with one line about each line that is used; the rest
# of it counts.
cat >"$tab" <<END
nbd1 127.0.0.1 disk port=$tcp_port,colour=red,timeout=17,shape
nbd2 127.0.0.1 disk port=$tcp_port
nbd3 127.0.0.1 disk port=$tcp_port,size=9,readonly
END
attach_quietly --nbdtab "$tab" nbd2
expect_status 0 nbdctl attach --nbdtab "$tab" nbd1
prints /dev/nbd1
warned "$tab, line 1: unknown option ignored: colour, shape"
expect_field nbd1 .timeout 17
expect_status 0 nbdctl attach --nbdtab "$tab" --all
prints /dev/nbd3
warned "$tab, line 3: unknown option ignored: size"
expect_field nbd3 '.flags | index("read-only") != null' true
detach --all
# Two lines of one device: nobody knows which disk is meant.
printf 'nbd2 127.0.0.1 disk port=%s\nnbd2 %s any unix\n' "$tcp_port" "$sock" >"$tab"
refused 2 "$tab, line 1: nbd2 is in line 2, too" nbdctl attach --nbdtab "$tab" nbd2
expect_status 2 nbdctl attach --nbdtab "$tab" --all
[ "$(wc -l <"$T/err")" = 2 ] || fail "not two lines: $(cat "$T/err")"
nothing_attached
refused 2 'cannot open /nonexistent' nbdctl attach --nbdtab /nonexistent --all
refused 2 . nbdctl attach --nbdtab "$tab" "$uri"
refused 2 . nbdctl attach --all nbd1
refused 2 'not an nbd device' nbdctl attach localhost
nothing_left
