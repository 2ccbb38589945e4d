#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Devices that do not exist, or are not attached.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

refused 7 'nbd1.*not attached' nbdctl detach nbd1
refused 7 'nbd1.*not attached' nbdctl detach --force nbd1
refused 7 'nbd1.*not attached' nbdctl status nbd1
refused 7 'nbd999' nbdctl detach nbd999
refused 7 'nbd999' nbdctl status nbd999
requires nbdkit
start_nbdkit unix memory 1M
# Beyond what a device number can hold.
! nbdctl attach "$uri" /dev/nbd40000 >"$T/out" 2>"$T/err" || fail "nbd40000"
[ ! -s "$T/out" ] && [ "$(wc -l <"$T/err")" = 1 ] || fail "$(cat "$T/out" "$T/err")"
say "$(cat "$T/err")"
refused 2 "not an nbd device" nbdctl attach "$uri" /dev/nbd4000000
nothing_left
