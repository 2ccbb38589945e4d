#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# With one connection a large read is one command, as large as the server
# allows; --max-request lowers it. No limit is taken for 32 MiB.
# timeout: 120
# leaks: yes
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit python3 blkdiscard
ops=$T/ops
# read_at OFFSET BYTES: O_DIRECT, in one call, into memory that is there.
read_at()
{
	python3 - "$dev" "$1" "$2" <<-'END'
		import mmap, os, sys
		offset, size = map(int, sys.argv[2:])
		buffer = mmap.mmap(-1, size)
		buffer.write(b"x" * size)
		fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
		if os.preadv(fd, [buffer], offset) != size:
		    sys.exit("a short read")
		if buffer[:] != bytes(size):
		    sys.exit("wrong data")
	END
}
# asked: the lengths of the reads since the log had $line lines.
asked()
{
	tail -n "+$((line + 1))" "$ops" |
		sed -nE 's/.* Read .*count=(0x[0-9a-f]+).*/\1/p' | sort | uniq -c |
		awk '{ print $1 "x" $2 }' | xargs
}
# one BYTES WANTED: a read of so many bytes is seen as that.
one()
{
	line=$(wc -l <"$ops")
	read_at $((64 << 20)) "$1" || fail "cannot read $1 bytes"
	say "$1 bytes: $(asked)"
	[ "$(asked)" = "$2" ] || fail "$1 bytes were $(asked), not $2"
}
# several BYTES LIMIT [LEAST]: it is seen as several, the largest of which has LIMIT.
# The kernel gathers a MiB at least; how much of a larger LIMIT depends on which pages
# are neighbours, but two that it had room for would be one: then LEAST is enough.
several()
{
	local largest

	line=$(wc -l <"$ops")
	read_at $((64 << 20)) "$1" || fail "cannot read $1 bytes"
	say "$1 bytes: $(asked)"
	largest=$(asked | tr ' ' '\n' | sed 's/.*x0x/0x/' |
		while read -r n; do echo $((n)); done | sort -n | tail -n 1)
	[ "$largest" -le "$2" ] || fail "a read has $largest, over $2"
	[ "$largest" -ge "${3:-$2}" ] ||
		fail "the largest read has $largest, not ${3:-$2}"
}
start_nbdkit unix --filter=log memory 128M logfile="$ops"
attach --no-partscan "$uri"
one $((8 << 20)) 1x0x800000
one $((32 << 20)) 1x0x2000000
detach "$dev"
attach --no-partscan --max-request 1M "$uri"
several $((8 << 20)) $((1 << 20))
detach "$dev"
attach -C 2 --no-partscan "$uri"
several $((8 << 20)) $((2 << 20)) $(((512 << 10) + 1))
detach "$dev"

start_nbdkit unix --filter=log --filter=blocksize-policy memory 128M \
	blocksize-minimum=512 blocksize-preferred=4096 blocksize-maximum=2M \
	blocksize-error-policy=error logfile="$ops"
attach --no-partscan "$uri"
several $((8 << 20)) $((2 << 20)) $(((1 << 20) + 1))
refused 2 max-request nbdctl attach --max-request 1000 "$uri"
detach "$dev"

# This one says that it has no limit, and refuses what is over 64 MiB.
start_nbdkit unix --filter=blocksize memory 80M
attach --no-partscan "$uri"
expect_queue max_hw_sectors_kb $((32 << 10))
blkdiscard -z "$dev" || fail "cannot zero the disk"
dd if=/dev/zero of="$dev" bs=80M count=1 oflag=direct status=none ||
	fail "cannot write 80 MiB"
detach "$dev"
