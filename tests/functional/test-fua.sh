#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is to be on stable storage is asked for as the server can do it: a write
# with FUA; else a write and a flush; else, of a server without a cache, nothing.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
ops=$T/ops
# serve ARG...: a server that logs what it is asked for.
serve()
{
	rm -f "$ops"
	start_nbdkit unix --filter=log "$@" logfile="$ops"
	attach --no-partscan "$uri"
	line=$(wc -l <"$ops")
}
# asked REGEX: how often since serve.
asked()
{
	tail -n "+$((line + 1))" "$ops" | grep -cE "$1" || true
}
# expect PLAIN FUA FLUSHES: such writes and flushes came.
expect()
{
	local got

	got="$(asked ' Write .*fua=0') $(asked ' Write .*fua=1') $(asked ' Flush ')"
	[ "$got" = "$*" ] || fail "plain, FUA writes, flushes: $got, not $*:
		$(cat "$ops")"
}
# stable_write: by FUA, after which the kernel flushes a block device once more.
stable_write()
{
	dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct,dsync status=none
}

serve memory 16M
expect_queue fua 1
expect_queue write_cache 'write back'
stable_write
expect 0 1 1
dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct status=none
expect 1 1 1
dd if=/dev/zero of="$dev" bs=4k count=1 conv=fsync status=none
[ "$(asked ' Flush ')" -ge 2 ] || fail "no flush for fsync"
detach "$dev"

serve --filter=fua memory 16M
expect_queue fua 0
expect_queue write_cache 'write back'
stable_write
expect 1 0 2
detach "$dev"

serve eval get_size='echo 16M' can_write='exit 0' pwrite='cat >/dev/null' \
	pread="dd if=/dev/zero bs=\$3 count=1"
expect_queue fua 0
expect_queue write_cache 'write through'
stable_write
dd if=/dev/zero of="$dev" bs=4k count=1 conv=fsync oflag=direct status=none
expect 2 0 0
detach "$dev"

# A read-only export is asked for nothing of the kind, whoever tries.
serve -r memory 16M
is_read_only "$dev"
! stable_write 2>/dev/null || fail "a write to a read-only export"
expect 0 0 0
[ "$(asked ' (Trim|Zero) ')" = 0 ] || fail "zeroed or trimmed: $(cat "$ops")"
detach "$dev"
