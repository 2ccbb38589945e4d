#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# detach refuses a device under a loop device.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit losetup
start_nbdkit unix memory 16M
attach "$uri"
modprobe -q loop || true
loop=$(losetup -f --show "$dev") || fail "no loop device"
at_exit losetup -d "$loop"
refused_attached 6 "${loop#/dev/}" nbdctl detach "$dev"
losetup -d "$loop"
detach "$dev"
