#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# qemu-nbd -c, unchanged, with raw and qcow2 images: the device works, what was
# written is in the image, qemu-nbd -d detaches it.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires qemu-nbd qemu-img fio
for format in raw qcow2; do
	image=$T/disk.$format
	qemu-img create -q -f $format "$image" 32M
	timeout $((30 * slow)) qemu-nbd -c /dev/nbd1 -f $format "$image" \
		>"$T/qemu-nbd.log" 2>&1 || fail "qemu-nbd -c: status $?"
	wait_for 10 attached nbd1 || fail "not attached"
	[ "$(blockdev --getsize64 /dev/nbd1)" = $((32 << 20)) ] || fail "size"
	verify /dev/nbd1 4M
	have=$(hash_of /dev/nbd1)
	timeout $((30 * slow)) qemu-nbd -d /dev/nbd1 >"$T/qemu-nbd.log" 2>&1 ||
		fail "qemu-nbd -d: status $?"
	wait_for 10 not_attached nbd1 || fail "still attached"
	idle nbd1
	qemu-img convert -f $format -O raw "$image" "$T/copy"
	[ "$(sha256sum <"$T/copy" | cut -d' ' -f1)" = "$have" ] ||
		fail "the $format image is not what the device was"
done
