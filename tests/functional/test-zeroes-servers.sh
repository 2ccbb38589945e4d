#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The experiment of the fast-zero proposal: servers that zero fast, slowly or not at all,
# and say what they like of it. A whole disk is zeroed in as few commands as there can
# be, or whoever wanted no writes is told at once and nothing is written; then an image
# is copied onto it with no more writes than it has data. And zeroing what is larger
# than a command can say.
# timeout: 150
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit qemu-io qemu-img fallocate blkdiscard cmp
size=8 round=0

# begin ZEROMODE FASTZEROMODE SIZE
begin()
{
	what="zeromode=$1, fastzeromode=$2"
	ops=$T/ops.$((++round))
	start_nbdkit unix --filter=log --filter=nozero --filter=blocksize \
		--filter=noextents memory "$3" zeromode="$1" fastzeromode="$2" \
		maxdata=256k logfile="$ops"
	attach --no-partscan "$uri"
}

end()
{
	detach "$dev"
	kill_server "$server_pid"
}

count()
{
	tail -n "+$((line + 1))" "$ops" | grep -cE "$1" || true
}

# step done|refused WRITES FAST PLAIN COMMAND...: and what the server saw of it; FAST may
# be a pattern.
step()
{
	local want=$1 saw status="done"

	line=$(wc -l <"$ops")
	"${@:5}" >"$T/out" 2>&1 || status=refused
	[ $status = "$want" ] || fail "$what: $status: ${*:5}: $(cat "$T/out")"
	[ $status = "done" ] || grep -qE 'not supported|unsupported' "$T/out" ||
		fail "$what: ${*:5}: $(cat "$T/out")"
	saw="$(count ' Write ') $(count ' Zero .*fast=1') $(count ' Zero .*fast=0')"
	# shellcheck disable=SC2053 # a pattern
	[[ $saw == $2\ $3\ $4 ]] ||
		fail "$what: writes, fast and plain zeroings are $saw, not $2 $3 $4: ${*:5}"
}

punch()
{
	step "$@" fallocate --punch-hole -o 0 -l "$length" "$dev"
}

quickly()
{
	step "$@" qemu-io -f raw -t none -c "write -z -u -n 0 ${size}M" "$dev"
}

zero_out()
{
	step "$@" blkdiscard -z "$dev"
}

# copy WRITES [OPTION]: the image.
copy()
{
	local n

	line=$(wc -l <"$ops")
	qemu-img convert -n "${@:2}" -t none -f raw -O raw "$T/image" "$dev"
	blockdev --flushbufs "$dev"
	n=$(count ' Write ')
	[ "$n" = "$1" ] || fail "$what: the copy took $n writes, not $1"
	cmp "$T/image" "$dev" || fail "$what: the copy differs"
}

# With as many holes as data.
truncate -s ${size}M "$T/image"
for ((n = 0; n < size; n += 2)); do
	dd if=/dev/urandom of="$T/image" bs=1M seek=$n count=1 conv=notrunc status=none
done

# zeroes MODE FAST PLAIN: a server that zeroes with one command, fast or plain.
zeroes()
{
	begin plugin "$1" $length
	punch "done" 0 "$2" "$3"
	quickly "done" 0 "$2" "$3"
	zero_out "done" 0 0 1
	copy $((size / 2)) --target-is-zero
	end
}

# writes ZEROMODE MODE: one that would have to write, and is known for it.
writes()
{
	begin "$1" "$2" $length
	punch refused 0 0 0
	quickly refused 0 0 0
	zero_out "done" 1 0 0
	copy $size
	end
}

length=${size}M
zeroes default 1 0
zeroes ignore 1 0
zeroes none 0 1
begin plugin slow $length
punch refused 0 1 0
# Remembered for ten seconds, which may be over.
quickly refused 0 '[01]' 0
zero_out "done" 0 0 1
copy $((size / 2))
end
for mode in default none ignore slow; do
	writes none $mode
done
for mode in default ignore slow; do
	writes emulate $mode
done
# It writes, and cannot say that this is slow.
begin emulate none $length
punch "done" 1 0 0
quickly "done" 1 0 0
zero_out "done" 1 0 0
copy $((size / 2)) --target-is-zero
end

length=9G
begin plugin default $length
punch "done" 0 3 0
zero_out "done" 0 0 3
end
