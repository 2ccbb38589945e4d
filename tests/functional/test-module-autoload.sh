#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nbdctl attach loads the module if it is missing, as modprobe would.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix memory 16M
unload_module
mkdir -p /run/modprobe.d
printf 'install nbd /sbin/insmod %s nbds_max=3\n' "$NBD_KO" \
	>/run/modprobe.d/nbd-test.conf
at_exit rm -f /run/modprobe.d/nbd-test.conf
attach "$uri"
[ "$(cat /sys/module/nbd/parameters/nbds_max)" = 3 ] || fail "nbds_max"
detach "$dev"
unload_module
load_module
