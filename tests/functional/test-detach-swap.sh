#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# detach refuses a device that is in use as swap.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit mkswap swapon
start_nbdkit unix memory 16M
attach "$uri"
mkswap "$dev" >"$T/mkswap.log" 2>&1
swapon "$dev" 2>"$T/swapon.log" || fail "swapon: $(cat "$T/swapon.log")"
at_exit swapoff "$dev"
refused_attached 6 "swap" nbdctl detach "$dev"
swapoff "$dev"
detach "$dev"
