#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that takes 50 ms for each request, whatever its size, and serves one at
# a time: large requests are that much faster.
# cpus: 2
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
no_ratios_here
# timed SIZE: read 32 MiB in sequence; sets took, in ms.
timed()
{
	local start

	attach --no-partscan --max-request "$1" "$uri"
	start=${EPOCHREALTIME/./}
	dd if="$dev" of=/dev/null bs=8M count=4 iflag=direct status=none
	took=$(((${EPOCHREALTIME/./} - start) / 1000))
	say "with requests of $1: $took ms"
	detach "$dev"
}
start_nbdkit unix --filter=noparallel --filter=delay memory 128M \
	serialize=requests rdelay=50ms
timed 256K
small=$took
timed 8M
[ $((took * 4)) -le $small ] || fail "no gain: $small and $took ms"
