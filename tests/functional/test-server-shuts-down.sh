#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that answers with ESHUTDOWN is left in good order, without a reset:
# its requests go on over another connection, or wait for a new one, and nobody
# gets an error.
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio nstat blkdiscard
truncate -s 16M "$T/disk"
# Each connection has a number, and shuts down once stop-NUMBER is there.
serve()
{
	local lead="[ ! -e $T/stop-\$2 ] || { echo ESHUTDOWN >&2; exit 1; };"
	local bytes='iflag=count_bytes,skip_bytes oflag=seek_bytes status=none'

	rm -rf "$T"/stop-* "$T"/conn-*
	start_nbdkit tcp eval get_size="echo 16M" can_write='exit 0' \
		can_multi_conn='exit 0' can_flush='exit 0' \
		open="for n in 0 1 2; do mkdir $T/conn-\$n && echo \$n && exit
			done 2>/dev/null" \
		pread="$lead dd if=$T/disk skip=\$4 count=\$3 $bytes" \
		pwrite="$lead dd of=$T/disk seek=\$4 conv=notrunc $bytes" \
		flush="$lead true" can_trim='exit 0' trim="$lead true" \
		can_zero='exit 0' zero="$lead true"
}
resets()
{
	nstat -asz TcpOutRsts | awk '$1 == "TcpOutRsts" { print $2 }'
}
down()
{
	[ "$(field "$dev" ".connections[$1].state")" = down ]
}
# goes_on: the server forks for each request, so there are not many.
goes_on()
{
	[ "$(served "$dev")" -gt $((before_io + 8)) ]
}
parked()
{
	[ "$(field "$dev" .parked)" -gt 0 ]
}

serve
before=$(resets)
attach --no-partscan -C 2 --dead-timeout 600 "$uri"
fio --name=verify --filename="$dev" --rw=randwrite --bs=64k --size=8M \
	--ioengine=libaio --iodepth=8 --direct=1 --verify=crc32c --fsync=16 \
	--verify_fatal=1 --loops=1000 --eta=never --output="$T/fio.log" &
fio=$!
before_io=0
wait_for 20 goes_on "$dev" || fail "no I/O"
touch "$T/stop-0"
wait_for 20 live_is 1 || fail "a server that shuts down is not left"
gone_index=0
down 0 || gone_index=1
expect_field "$dev" ".connections[$gone_index].last_error" 108
before_io=$(served "$dev")
wait_for 20 goes_on "$dev" || fail "no I/O over the other connection"
touch "$T/stop-1"
wait_for 20 state_is "$dev" parked || fail "state $(field "$dev" .state)"
wait_for 20 parked || fail "nothing waits"
expect_field "$dev" .connections_live 0
! gone $fio || fail "I/O ended: $(cat "$T/fio.log")"
[ "$(resets)" = "$before" ] || fail "the server got a reset"
detach --force "$dev"
! wait $fio || fail "no error after detach --force"

# Trims and zeroing go over the other connection, too.
for how in '' -z; do
	serve
	attach --no-partscan -C 2 "$uri"
	touch "$T/stop-0"
	expect_status 0 blkdiscard $how "$dev"
	expect_status 0 blkdiscard $how "$dev"
	wait_for 5 live_is 1 || fail "blkdiscard $how: no connection shut down"
	detach "$dev"
done

# With nothing to wait for there is an error at once.
serve
attach --no-partscan "$uri"
dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none
touch "$T"/stop-{0,1,2}
! LC_ALL=C dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct \
	2>"$T/err" || fail "a read succeeded"
grep -q 'Input/output error' "$T/err" || fail "not EIO: $(cat "$T/err")"
wait_for 5 state_is "$dev" dead || fail "state $(field "$dev" .state)"
expect_field "$dev" '.connections[0].last_error' 108
detach --force "$dev"
