#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --force-multi-conn: four connections to servers that do not promise
# multi-conn. A flush goes to every connection that carried a write since its
# last one, and to no other.
# cpus: 2
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit qemu-nbd fio jq
log=$T/requests
start_nbdkit unix --filter=log --filter=delay --filter=multi-conn memory 16M \
	multi-conn-mode=disable wdelay=20ms "logfile=$log"
forced_is()
{
	expect_field "$dev" .force_multi_conn "$1"
	nbdctl status "$dev" | grep -q "multi-conn  *$2\$" ||
		fail "$(nbdctl status "$dev")"
}
# connections WHAT: which of them the server saw it on, in the log's numbers.
connections()
{
	sed -n "s/.* connection=\([0-9]*\) $1 id=.*/\1/p" "$log" | sort -un |
		tr '\n' ' '
}
count()
{
	grep -c " connection=[0-9]* $1 id=" "$log" || true
}
attach -C 4 --force-multi-conn --no-partscan "$uri"
[ ! -s "$T/err" ] || fail "nbdctl said: $(cat "$T/err")"
expect_field "$dev" .connections_live 4
forced_is true forced
write()
{
	fio --name=w --filename="$dev" --rw=randwrite --bs=4k --size=1M \
		--ioengine=libaio --direct=1 --output="$T/fio.log" "$@" ||
		fail "fio: status $?"
}
flush()
{
	dd if=/dev/null of="$dev" conv=fsync,notrunc status=none ||
		fail "fsync failed"
}
: >"$log"
write --iodepth=16
[ "$(connections Write | wc -w)" = 4 ] || fail "writes: $(connections Write)"
[ "$(count Flush)" = 0 ] || fail "a flush before fsync"
flush
say "written on $(connections Write), flushed on $(connections Flush)"
[ "$(connections Flush)" = "$(connections Write)" ] ||
	fail "not every connection was flushed"
[ "$(count Flush)" = 4 ] || fail "$(count Flush) flushes, not 4"
# One write: its connection is flushed, the others are not.
: >"$log"
dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct status=none
flush
[ "$(connections Flush)" = "$(connections Write)" ] ||
	fail "written on $(connections Write), flushed on $(connections Flush)"
[ "$(count Flush)" = 1 ] || fail "$(count Flush) flushes, not 1"
# Trims count too; and nothing since means one flush, as ever.
: >"$log"
blkdiscard -f -l 64K "$dev"
flush
[ -n "$(connections Trim)" ] || fail "no trim"
[ "$(connections Flush)" = "$(connections Trim)" ] ||
	fail "trimmed on $(connections Trim), flushed on $(connections Flush)"
: >"$log"
flush
[ "$(count Flush)" = 1 ] || fail "$(count Flush) flushes of nothing, not 1"
# Flushes from several threads beside writes: they all end.
write --iodepth=8 --numjobs=3 --fsync=4 --size=256k
detach "$dev"

# A server that promises multi-conn is believed.
start_nbdkit unix --filter=log --filter=delay memory 16M wdelay=20ms \
	"logfile=$log"
attach -C 4 --force-multi-conn --no-partscan "$uri"
: >"$log"
write --iodepth=16
flush
[ "$(count Flush)" = 1 ] || fail "multi-conn: $(count Flush) flushes, not 1"
detach "$dev"
attach -C 4 --no-partscan "$uri"
forced_is false 'not forced'
detach "$dev"

# A server that greets one client only has no use for it.
truncate -s 16M "$T/disk"
start_qemu_nbd unix 1 "$T/disk"
refused 3 'accepted only 1 of 4 connections' nbdctl attach -C 4 \
	--force-multi-conn --connect-timeout $((2 * slow)) "$uri"
# Data comes back whole, too.
start_qemu_nbd unix 4 "$T/disk"
attach -C 4 --force-multi-conn "$uri"
expect_field "$dev" .connections_live 4
verify "$dev" 4M --fsync=16
detach "$dev"
nothing_left
