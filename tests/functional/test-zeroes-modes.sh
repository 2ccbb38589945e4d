#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each mode of --zeroes asks each kind of server as it should: fast zeroing only
# of a server that offered it; a refusal told at once, quietly and remembered; a
# slow zeroing where the caller wants allocated zeroes. Nothing is written by
# whoever wants no writes.
# timeout: 120
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fallocate blkdiscard
round=0

# begin MODE FASTZEROMODE: attach to a new server of that kind.
begin()
{
	what="--zeroes=$1, server: $2"
	ops=$T/ops.$((++round))
	start_nbdkit unix --filter=log --filter=nozero memory 64M \
		zeromode=plugin fastzeromode="$2" logfile="$ops"
	attach --no-partscan --zeroes="$1" "$uri"
	expect_field "$dev" .zeroes "$1"
}

# end: leave that server.
end()
{
	detach "$dev"
	kill_server "$server_pid"
}

# saw N EXPRESSION: so many of the server's log lines since the last call match.
saw()
{
	local n

	n=$(tail -n "+$((line + 1))" "$ops" | grep -cE "$2") || true
	[ "$n" = "$1" ] || fail "$what, $step: $n times $2, not $1: $(
		tail -n "+$((line + 1))" "$ops" | head -n 8)"
}

# step NAME COMMAND...: sets done and line.
step()
{
	step=$1
	line=$(wc -l <"$ops")
	shift
	done=0
	"$@" >"$T/out" 2>"$T/err" || done=$?
}

# punch and zero-out, as they should be seen.
punched()
{
	[ "$done" = 0 ] || fail "$what, $step: $(cat "$T/err")"
	saw 1 " Zero .* trim=1 .*fast=$1"
	saw 0 ' Write '
}

zeroed()
{
	[ "$done" = 0 ] || fail "$what, $step: $(cat "$T/err")"
	saw 1 " Zero .* trim=0 .*fast=$1"
	saw 0 ' Write '
}

# told N: refused at once, with N questions to the server.
told()
{
	[ "$done" != 0 ] || fail "$what, $step: no error"
	grep -qE 'not supported|unsupported' "$T/err" || fail "$what, $step: $(cat "$T/err")"
	saw "$1" ' Zero .*fast=1'
	saw "$1" ' Zero '
	saw 0 ' Write '
}

# written N: the block layer wrote zeroes, with N questions to the server.
written()
{
	[ "$done" = 0 ] || fail "$what, $step: $(cat "$T/err")"
	saw "$1" ' Zero '
	saw 1 ' Write .*count=0x10000 '
}

punch()
{
	step "$1" fallocate --punch-hole -o 1M -l 1M "$dev"
}

zero_out()
{
	step "$1" blkdiscard -z -o 4M -l 64K "$dev"
}

mark="zeroes $RANDOM$RANDOM"
echo "$mark" >/dev/kmsg

begin auto default
punch 'punch' && punched 1
zero_out 'zero-out' && zeroed 0
end

begin auto none
punch 'punch' && punched 0
zero_out 'zero-out' && zeroed 0
end

begin auto slow
punch 'punch' && told 1
punch 'punch again' && told 0
zero_out 'zero-out' && zeroed 0
end

begin slow slow
punch 'punch' && punched 0
zero_out 'zero-out' && zeroed 0
end

begin fast default
punch 'punch' && punched 1
zero_out 'zero-out' && zeroed 1
end

begin fast slow
punch 'punch' && told 1
zero_out 'zero-out' && written 1
zero_out 'zero-out again' && written 0
end

begin fast none
punch 'punch' && told 0
zero_out 'zero-out' && written 0
end

begin off default
punch 'punch' && told 0
zero_out 'zero-out' && written 0
end

! dmesg | sed "1,/$mark/d" | grep 'not supported' ||
	fail "the kernel log has news of what is none"
