#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 1 connection: data verified, with reads and writes in flight on all.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
start_nbdkit unix memory 64M
attach -C 1 "$uri"
expect_field "$dev" .connections_live 1
verify "$dev" 16M
expect_field "$dev" '[.connections[] | select(.requests > 0)] | length' 1
expect_field "$dev" '[.connections[].errors, .connections[].failures] | add' 0
detach "$dev"
idle "$dev"
