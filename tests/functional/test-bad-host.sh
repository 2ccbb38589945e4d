#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# attach and info: a host that does not exist.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

refused 3 'resolve.*no-such-host\.invalid' \
	nbdctl attach nbd://no-such-host.invalid/
refused 3 'resolve.*no-such-host\.invalid' \
	nbdctl info nbd://no-such-host.invalid/
nothing_left
