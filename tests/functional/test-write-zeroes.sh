#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# FALLOC_FL_WRITE_ZEROES works where the server zeroes fast by deallocating: the
# disk says so by its unmapping limit, and is asked for it. Elsewhere the
# limit is 0 and the caller is told at once.
# skips: stock
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
limit=write_zeroes_unmap_max_hw_bytes
[ -e /sys/block/nbd0/queue/$limit ] || skip "this kernel has no $limit"
round=0

# do_it OPERATION: to the first 4 KiB; sets got.
do_it()
{
	got=$(echo "$dev $1 0" | /usr/bin/python3 \
		"$(dirname "$0")/../servers/errno-of")
}

# asked N EXPRESSION: so many of the server's log lines match.
asked()
{
	local n

	n=$(grep -cE "$2" "$ops") || true
	[ "$n" = "$1" ] || fail "$what: $n times $2, not $1: $(cat "$ops")"
}

# first_is BYTES: of the disk.
first_is()
{
	have=$(dd if="$dev" bs=4k count=1 iflag=direct status=none |
		od -An -v -tx1 -w1 | sort -u)
	[ "$have" = " $1" ] || fail "$what: the bytes are$have, not $1"
}

# try MODE FASTZEROMODE yes|no GOT ZEROES WRITES: what a disk attached like that to
# such a server has as its limit, what the caller gets, what the server is asked.
try()
{
	local want=0

	what="--zeroes=$1, server: $2"
	ops=$T/ops.$((++round))
	start_nbdkit unix --filter=log --filter=nozero memory 16M \
		zeromode=plugin fastzeromode="$2" logfile="$ops"
	attach --no-partscan --zeroes="$1" "$uri"
	[ "$3" = no ] || want=$(queue write_zeroes_max_bytes)
	[ "$3" = no ] || [ "$want" -gt 0 ] || fail "$what: no zeroing at all"
	expect_queue $limit "$want"
	expect_queue write_zeroes_unmap_max_bytes "$want"

	do_it write
	: >"$ops"
	do_it write-zeroes
	[ "$got" = "$4" ] || fail "$what: $got, not $4"
	asked "$5" ' Zero .*count=0x1000 .*trim=1 .*fast=1'
	asked "$5" ' Zero '
	asked "$6" ' Write .*count=0x1000 '
	[ "$got" = OK ] && first_is 00 || first_is ee

	say "$what: $limit $want, $got"
	detach "$dev"
	kill_server "$server_pid"
}

#   mode server  limit gets   zeroes writes
try auto default yes OK 1 0
try auto slow yes OK 1 1
try auto none no ENOTSUP 0 0
try slow default no ENOTSUP 0 0
try fast default yes OK 1 0
try off default no ENOTSUP 0 0
