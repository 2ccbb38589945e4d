#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# attach -r: read-only, whatever the server allows, and then any number of
# connections, whatever the server promises.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
start_nbdkit unix --filter=log --filter=multi-conn memory 16M \
	multi-conn-mode=disable logfile="$T/ops.log"
attach -r -C 4 "$uri"
expect_field "$dev" .connections_live 4
is_read_only "$dev"
! grep -q Write "$T/ops.log" || fail "a write reached the server"
detach "$dev"
