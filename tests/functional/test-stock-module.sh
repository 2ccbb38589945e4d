#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's own driver is loaded: insmod of this one fails and leaves
# nothing, nbdctl says which module it is and how to swap it; then it is
# swapped.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix memory 16M
unload_module
modprobe nbd 2>"$T/err" || { load_module; skip "no nbd in this kernel"; }
at_exit swap_back
swap_back()
{
	! ours || return 0
	rmmod nbd
	insmod "$NBD_KO"
}
ours()
{
	grep -q O /sys/module/nbd/taint
}
! ours || fail "modprobe loaded the module under test"
! insmod "$NBD_KO" 2>"$T/err" || fail "insmod succeeded"
grep -q 'File exists' "$T/err" || fail "insmod said: $(cat "$T/err")"
! ours || fail "the module was replaced"
say "$(cat "$T/err")"
for verb in "attach $uri" "detach nbd0" "status nbd0" list; do
	# shellcheck disable=SC2086 # words
	refused 9 'shipped with Linux [0-9].*modprobe -r nbd' nbdctl $verb
done
nothing_attached
no_connection_left || fail "a connection is left"
# What it said, done.
modprobe -r nbd
load_module
ours || fail "not ours after the swap"
attach "$uri"
detach "$dev"
