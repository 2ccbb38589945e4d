#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# detach refuses a device under a device-mapper device.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit dmsetup
modprobe -q dm_mod || skip "no device mapper in this kernel"
start_nbdkit unix memory 16M
attach "$uri"
dmsetup --noudevsync create nbdtest --table "0 8192 linear $dev 0" ||
	skip "dmsetup cannot make a device"
at_exit dmsetup --noudevsync remove nbdtest
refused_attached 6 "dm-" nbdctl detach "$dev"
dmsetup --noudevsync remove nbdtest
detach "$dev"
