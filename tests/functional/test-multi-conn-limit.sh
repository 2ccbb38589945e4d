#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that promises multi-conn and takes fewer connections than asked for:
# attaching fails, says how many it took, and leaves nothing. So does replacing the
# connections of a device, which stays as it is.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires qemu-nbd
truncate -s 16M "$T/disk"
start_qemu_nbd tcp 2 "$T/disk"
refused 3 'accepted only 2 of 4 connections.*-C 2' \
	nbdctl attach -C 4 --connect-timeout $((3 * slow)) "$uri"
nothing_left
attach -C 2 "$uri"
expect_field "$dev" .connections_live 2
detach "$dev"

start_qemu_nbd tcp 3 "$T/disk"
attach -C 2 "$uri"
refused_attached 3 'accepted only 1 of the 2 connections that the device has \(' \
	nbdctl reconnect --replace --connect-timeout $((3 * slow)) "$dev"
expect_field "$dev" .connections_live 2
detach "$dev"
