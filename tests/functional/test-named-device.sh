#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The device that the user names, in all its spellings.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix memory 16M
for spelling in /dev/nbd5 nbd5 5; do
	attach "$uri" $spelling
	[ "$dev" = /dev/nbd5 ] || fail "$spelling became $dev"
	attached nbd5 || fail "nbd5 is not attached"
	detach $spelling
	idle nbd5
done
# The first free one is taken.
attach "$uri" nbd0
attach "$uri"
[ "$dev" != /dev/nbd0 ] || fail "nbd0 was taken twice"
detach --all
# One that does not exist yet is made.
attach "$uri" nbd40
[ "$dev" = /dev/nbd40 ] || fail "nbd40 became $dev"
detach "$dev"
