#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --force-multi-conn: a connection dies with a flush on it, and the flush still
# reaches all others; a flush that fails is an error, and the next one goes
# to that connection again. The server takes its time for each request, so that all
# connections are needed.
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio jq
log=$T/requests
# shellcheck disable=SC2016 # nbdkit's shell expands it
start_nbdkit unix -t 1 --filter=log eval "logfile=$log" \
	get_size='echo 16777216' can_write='exit 0' can_flush='exit 0' \
	pread='head -c "$3" /dev/zero' pwrite='cat >/dev/null; sleep 0.1' \
	flush="if rm '$T/refuse' 2>/dev/null; then echo EIO no >&2; exit 1; fi
		sleep 1"
start_captive unix "proxy:$sock"
attach -C 4 --force-multi-conn --no-partscan "$uri"
connections()
{
	sed -n "s/.* connection=\([0-9]*\) $1 id=.*/\1/p" "$log" | sort -un |
		tr '\n' ' '
}
count()
{
	grep -c " connection=[0-9]* $1 id=" "$log" || true
}
write()
{
	fio --name=w --filename="$dev" --rw=write --bs=4k --size=32k \
		--ioengine=libaio --iodepth=16 --direct=1 \
		--output="$T/fio.log" || fail "fio: status $?"
}
flush()
{
	dd if=/dev/null of="$dev" conv=fsync,notrunc status=none
}
flushing()
{
	[ "$(count Flush)" -gt 0 ]
}

: >"$log"
write
written=$(connections Write)
[ "$(wc -w <<<"$written")" = 4 ] || fail "written on $written"
flush &
flush_pid=$!
wait_for 20 flushing || fail "no flush"
# The first connection has it.
kill -USR1 "$server_pid"
wait "$flush_pid" || fail "the flush failed"
expect_field "$dev" .connections_live 3
say "written on $written, flushed on $(connections Flush)"
[ "$(connections Flush)" = "$written" ] || fail "a connection was left out"
[ "$(count Flush)" = 4 ] || fail "$(count Flush) flushes, not 4"

: >"$log"
write
written=$(connections Write)
[ "$(wc -w <<<"$written")" = 3 ] || fail "written on $written"
: >"$T/refuse"
! flush 2>"$T/err" || fail "a flush that the server refused succeeded"
[ "$(count Flush)" = 1 ] || fail "$(count Flush) flushes, not 1"
: >"$log"
flush || fail "the next flush failed"
[ "$(connections Flush)" = "$written" ] ||
	fail "written on $written, then flushed on $(connections Flush)"
detach "$dev"
