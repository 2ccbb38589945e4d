#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nbds_max and max_part mean what they mean for the kernel's own driver.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit sfdisk
start_nbdkit unix memory 32M
unload_module
load_module nbds_max=2 max_part=3
[ -b /dev/nbd1 ] && [ ! -e /dev/nbd2 ] || fail "not 2 devices"
[ "$(cat /sys/block/nbd1/dev)" = 43:4 ] ||
	fail "nbd1 is $(cat /sys/block/nbd1/dev)"
attach "$uri" nbd1
detach "$dev"
unload_module
! insmod "$NBD_KO" nbds_max=4294967295 2>"$T/err" ||
	{ rmmod nbd; fail "a senseless nbds_max was taken"; }
load_module
[ -b /dev/nbd15 ] && [ ! -e /dev/nbd16 ] || fail "not 16 devices"
[ "$(cat /sys/block/nbd1/dev)" = 43:32 ] ||
	fail "nbd1 is $(cat /sys/block/nbd1/dev)"
