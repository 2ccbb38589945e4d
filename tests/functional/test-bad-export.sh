#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# attach and info: an export that the server does not have. What the server
# says about it is shown.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires qemu-nbd nbd-server
patient=(--connect-timeout $((20 * slow)))
truncate -s 1M "$T/disk"
start_nbd_server tcp "$T/disk"
refused 5 'no-such-export|nknown|refused' \
	nbdctl attach "${patient[@]}" "${uri%/disk}/no-such-export"
refused 5 'no-such-export|nknown|refused' \
	nbdctl attach "${patient[@]}" -C 4 -N no-such-export "$uri"
refused 5 'no-such-export|nknown|refused' \
	nbdctl info "${patient[@]}" -N no-such-export "$uri"
nothing_left
start_qemu_nbd unix 4 "$T/disk"
refused 5 "server: .*export 'other' not present" \
	nbdctl attach "${patient[@]}" -N other "$uri"
refused 5 "server: .*export 'other' not present" \
	nbdctl info "${patient[@]}" -N other "$uri"
nothing_left
