#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A plain cat keeps a slow server busy: the kernel asks for what comes next before
# cat needs it, and for much at once, so that cat takes less than a third of the
# time that it takes with the kernel's usual read-ahead of 128 KiB. With several
# connections there are two requests for each, as large as that allows.
# timeout: 150
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix --filter=delay memory 32M rdelay=$((100 * slow))ms
# read_all [ATTACH ARG...]: sets us, the time in microseconds that cat takes, the
# number of samples, how many of them found nothing in flight, and the most that one
# found.
read_all()
{
	local cat reads

	attach --no-partscan "$@" "$uri"
	samples=0 idle=0 most=0
	us=${EPOCHREALTIME/./}
	cat "$dev" >/dev/null &
	cat=$!
	while kill -0 $cat 2>/dev/null; do
		read -r reads _ <"/sys/block/$name/inflight"
		samples=$((samples + 1))
		[ "$reads" != 0 ] || idle=$((idle + 1))
		[ "$reads" -le "$most" ] || most=$reads
		sleep 0.02
	done
	wait $cat || fail "cat: $?"
	us=$((${EPOCHREALTIME/./} - us))
	detach "$dev"
}
read_all --read-ahead 128k
usual=$us
read_all
say "$us us, with read-ahead of 128 KiB $usual us;" \
	"nothing in flight $idle of $samples times, $most at most"
[ $((us * 3)) -le "$usual" ] || fail "$us us, with 128 KiB $usual us"
[ $((idle * 3)) -le "$samples" ] ||
	fail "nothing in flight $idle of $samples times"
# One that the server works on, and one that nobody waits for yet.
[ "$most" -ge 2 ] || fail "never more than $most in flight"

# limits CONNECTIONS REQUEST READ_AHEAD [ARG...]: in KiB.
limits()
{
	attach --no-partscan -C "$1" "${@:4}" "$uri"
	expect_queue max_sectors_kb "$2"
	expect_queue read_ahead_kb "$3"
	detach "$dev"
}
limits 1 32768 8192
limits 2 2048 8192
limits 3 1024 8192
limits 4 1024 8192
limits 8 512 8192
limits 12 512 12288
limits 16 512 16384
limits 2 64 256 --max-request 64K
limits 4 4096 8192 --max-request 4M
limits 4 1024 256 --read-ahead 256K
# No less over several connections than over one.
start_nbdkit unix --filter=blocksize-policy memory 64M blocksize-maximum=4M \
	blocksize-preferred=4K blocksize-minimum=512
limits 1 4096 8192
limits 3 1024 8192
