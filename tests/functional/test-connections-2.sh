#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 2 connections: data verified, with reads and writes in flight on all, at a server
# that takes its time for each.
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
start_nbdkit unix --filter=noparallel --filter=delay memory 64M \
	rdelay=30ms wdelay=30ms
attach -C 2 "$uri"
expect_field "$dev" .connections_live 2
verify "$dev" 16M
expect_field "$dev" '[.connections[] | select(.requests > 0)] | length' 2
expect_field "$dev" '[.connections[].errors, .connections[].failures] | add' 0
detach "$dev"
idle "$dev"
