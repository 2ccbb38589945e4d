#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A write is stuck in the server, its connection is given up, the write is sent
# again on another one, and a newer write to the same place follows (row B of the
# known hazards): when the stuck one is carried out at last it must not have the last
# word. After a timeout and after nonsense, over TCP and UNIX.
# timeout: 150
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3
write_all()
{
	head -c 4096 /dev/zero | tr '\0' "$1" |
		dd of="$dev" bs=4k count=1 oflag=direct iflag=fullblock \
			conv=notrunc status=none || fail "cannot write $1"
}
landed()
{
	grep -q late "$writes"
}
# overtaken HOW unix|tcp
overtaken()
{
	writes=$T/writes-$1-$2
	: >"$writes"
	start_scripted ghost "$2" "$1" 1 "$writes"
	attach -C 2 --no-partscan --timeout 2 --fence $((slow + 1)) "$uri"
	expect_field "$dev" .fence $((slow * 1000 + 1000))
	write_all 1
	write_all 2
	wait_for 20 landed || fail "the late write never came"
	have=$(dd if="$dev" bs=4k count=1 iflag=direct status=none | head -c 1)
	say "$1 over $2: $(tr '\n' ' ' <"$writes")"
	[ "$have" = 2 ] || fail "the disk has $have, not 2"
	[ "$(wc -l <"$writes")" = 3 ] || fail "not three writes"
	detach "$dev"
}
overtaken silence tcp
overtaken silence unix
overtaken nonsense unix
