#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# attach and info: something that is no NBD server, or hangs up.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires python3
for how in http ssh close; do
	start_captive tcp $how
	refused 4 'NBD server|closed|hung up|protocol' nbdctl attach "$uri"
	refused 4 'NBD server|closed|hung up|protocol' nbdctl attach -C 4 "$uri"
	refused 4 'NBD server|closed|hung up|protocol' nbdctl info "$uri"
	nothing_left
done
