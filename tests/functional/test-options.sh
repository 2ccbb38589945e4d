#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Options of attach take effect: in status and in the queue of the disk.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix memory 64M
attach -C 2 --queue-depth 64 --timeout 17 --dead-timeout 33 -b 4096 \
	--max-request 256K --read-ahead 2M "$uri"
expect_field "$dev" .queue_depth 64
expect_field "$dev" .timeout 17
expect_field "$dev" .dead_timeout 33
expect_field "$dev" .block_size 4096
expect_field "$dev" .max_request $((256 << 10))
expect_field "$dev" .read_ahead $((2 << 20))
expect_queue logical_block_size 4096
expect_queue max_sectors_kb 256
expect_queue read_ahead_kb 2048
[ "$(field "$dev" .tags)" -ge 64 ] || fail "tags $(field "$dev" .tags)"
! dd if="$dev" of=/dev/null bs=512 count=1 iflag=direct status=none 2>"$T/err" ||
	fail "a read of less than a block succeeded"
detach "$dev"

# Nothing of it is left for the next (hazard 42).
attach "$uri" "$dev"
expect_field "$dev" .timeout 30
expect_field "$dev" .dead_timeout 0
expect_field "$dev" .queue_depth 128
expect_queue logical_block_size 512
[ "$(queue max_sectors_kb)" -gt 256 ] || fail "max_sectors_kb stayed"
[ "$(queue read_ahead_kb)" != 2048 ] || fail "read_ahead_kb stayed"
detach "$dev"

# -N, and with it the name in the URI.
mkdir "$T/dir"
truncate -s 1M "$T/dir/one"
truncate -s 2M "$T/dir/two words"
start_nbdkit unix file "dir=$T/dir"
attach -N 'two words' "$uri"
[ "$(blockdev --getsize64 "$dev")" = $((2 << 20)) ] || fail "not export two"
detach "$dev"
attach "nbd+unix:///two%20words?socket=$sock"
[ "$(blockdev --getsize64 "$dev")" = $((2 << 20)) ] || fail "not export two"
detach "$dev"
