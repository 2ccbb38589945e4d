#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A write is stuck in the server, its connection is given up, the write is sent
# again on another one, and a newer write to the same place follows (row B of the
# known hazards): when the stuck one is carried out at last it must not have the last
# word. After a timeout and after nonsense, over TCP and UNIX. Of what a server has not
# received when its connection is given up it receives nothing more.
# timeout: 150
# leaks: yes
# debug: check
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3
# write_all BYTE [LENGTH]: at the beginning, at most 512 KiB.
write_all()
{
	head -c "${2:-4096}" /dev/zero | tr '\0' "$1" |
		dd of="$dev" bs="${2:-4096}" count=1 oflag=direct iflag=fullblock \
			conv=notrunc status=none || fail "cannot write $1"
}
landed()
{
	grep -q late "$writes"
}
was_lost()
{
	grep -q lost "$writes"
}
# unheard unix|tcp: what the first connection still has to send is more than its peer
# takes without reading, and less than the socket keeps.
unheard()
{
	writes=$T/writes-deaf-$1
	: >"$writes"
	start_scripted ghost "$1" deaf 1 "$writes"
	attach -C 2 --no-partscan --timeout 2 --fence $((slow + 1)) "$uri"
	write_all 1 524288
	write_all 2
	wait_for 20 was_lost || fail "deaf over $1: $(tr '\n' ' ' <"$writes")"
	have=$(dd if="$dev" bs=4k count=1 iflag=direct status=none | head -c 1)
	[ "$have" = 2 ] || fail "the disk has $have, not 2"
	detach "$dev"
}
# overtaken HOW unix|tcp LEAST: and the first write takes no fewer seconds than that.
overtaken()
{
	writes=$T/writes-$1-$2
	: >"$writes"
	start_scripted ghost "$2" "$1" 1 "$writes"
	attach -C 2 --no-partscan --timeout 2 --fence $((slow + 1)) "$uri"
	expect_field "$dev" .fence $((slow * 1000 + 1000))
	took write_all 1
	[ "$seconds" -ge "$3" ] || fail "$1 over $2: the write took $seconds s only"
	write_all 2
	wait_for 20 landed || fail "the late write never came"
	have=$(dd if="$dev" bs=4k count=1 iflag=direct status=none | head -c 1)
	say "$1 over $2: $(tr '\n' ' ' <"$writes")"
	[ "$have" = 2 ] || fail "the disk has $have, not 2"
	[ "$(wc -l <"$writes")" = 3 ] || fail "not three writes"
	detach "$dev"
}
# The timeout and the fence, but for a second; nonsense is seen at once.
for where in tcp unix; do
	overtaken silence $where $((slow + 2))
	overtaken nonsense $where "$slow"
done
unheard tcp
unheard unix
