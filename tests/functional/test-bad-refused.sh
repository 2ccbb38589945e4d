#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# attach and info: nobody listens.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

listen_on tcp
refused 3 'refused' nbdctl attach "$uri"
refused 3 'refused' nbdctl attach -C 8 "$uri"
refused 3 'refused' nbdctl info "$uri"
nothing_left
listen_on unix
refused 3 'No such file' nbdctl attach "$uri"
nothing_left
