#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A plain cat keeps a slow server busy: the kernel asks for what comes next before
# cat needs it, and for much at once, so that cat takes less than a third of the
# time that it takes with the kernel's usual read-ahead of 128 KiB.
# timeout: 150
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix --filter=delay memory 32M rdelay=$((100 * slow))ms
# read_all [ATTACH ARG...]: sets took, the time in microseconds for all of it, and how many of the
# samples found nothing in flight.
read_all()
{
	local cat reads start=${EPOCHREALTIME/./}

	attach --no-partscan "$@" "$uri"
	samples=0 idle=0
	cat "$dev" >/dev/null &
	cat=$!
	while kill -0 $cat 2>/dev/null; do
		read -r reads _ <"/sys/block/$name/inflight"
		samples=$((samples + 1))
		[ "$reads" != 0 ] || idle=$((idle + 1))
		read -r -t 0.02 -u "$pause" || true
	done
	wait $cat || fail "cat: $?"
	took=$((${EPOCHREALTIME/./} - start))
	detach "$dev"
}
# A pipe that nobody writes to: waiting for it costs no process.
exec {pause}<> <(:)
read_all --read-ahead 128k
usual=$took
read_all
say "$took us, with read-ahead of 128 KiB $usual us;" \
	"nothing in flight $idle of $samples times"
[ $((took * 3)) -le "$usual" ] || fail "$took us, with 128 KiB $usual us"
[ $((idle * 3)) -le "$samples" ] ||
	fail "nothing in flight $idle of $samples times"
