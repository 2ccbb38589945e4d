#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One thread, four connections to a server that serves one request at a time on
# each: every connection carries its share.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
start_nbdkit unix --filter=noparallel --filter=delay memory 64M \
	serialize=requests rdelay=10ms
attach -C 4 --no-partscan "$uri"

shares()
{
	local n total=0

	say "$1: $(field "$dev" '[.connections[].requests] | @csv')"
	for n in $(field "$dev" '.connections[].requests'); do
		total=$((total + n))
	done
	for n in $(field "$dev" '.connections[].requests'); do
		[ $((n * 10)) -ge $total ] ||
			fail "$1: a connection carried $n of $total"
	done
}

fio --name=one --filename="$dev" --rw=randread --bs=4k --ioengine=libaio \
	--iodepth=32 --direct=1 --number_ios=400 --size=64M \
	--output="$T/fio.log" || fail "fio: status $?"
shares "depth 32"
detach "$dev"
attach -C 4 --no-partscan "$uri"
dd if="$dev" of=/dev/null bs=1M status=none
shares "buffered read"
detach "$dev"
