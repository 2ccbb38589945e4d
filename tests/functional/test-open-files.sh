#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# With fewer descriptors than connections attach says that they are lacking, at once, and
# not that the server is to blame.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit prlimit
start_nbdkit unix memory 16M
took refused 1 'open files' prlimit --nofile=40 nbdctl attach -C 64 "$uri"
[ "$seconds" -lt $((8 * slow)) ] || fail "it takes $seconds s"
# As many as there are, but for those that are open already.
refused 1 'open files' prlimit --nofile=64 nbdctl attach -C 64 "$uri"
expect_status 0 prlimit --nofile=128 nbdctl attach -C 64 "$uri" nbd0
detach nbd0
nothing_left
