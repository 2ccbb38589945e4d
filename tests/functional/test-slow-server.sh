#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A slow server is not a dead one: requests that wait in it for longer than
# --timeout in sum, but not one by one, all succeed.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
start_nbdkit unix --filter=noparallel --filter=delay memory 16M \
	serialize=requests rdelay=400ms
attach --timeout 3 --no-partscan "$uri"
# 16 at once, one at a time: the last waits for 6.4 s.
fio --name=slow --filename="$dev" --rw=randread --bs=4k --size=16M \
	--number_ios=16 --ioengine=libaio --iodepth=16 --direct=1 \
	--output="$T/fio.log" || fail "a request was given up"
expect_field "$dev" '[.connections[].failures] | add' 0
detach "$dev"
