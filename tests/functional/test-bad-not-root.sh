#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An ordinary user may ask, and change nothing.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit setpriv
chmod 755 "$T"
install -m 755 "$(command -v nbdctl)" "$T/nbdctl"
as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups "$T/nbdctl")
start_nbdkit tcp memory 16M
refused 8 'root|permitted' "${as_nobody[@]}" attach "$uri"
refused 8 'root|permitted' "${as_nobody[@]}" detach nbd0
refused 8 'root|permitted' "${as_nobody[@]}" detach --all
nothing_left
attach "$uri"
refused_attached 8 'root|permitted' "${as_nobody[@]}" detach "$dev"
refused_attached 8 'root|permitted' "${as_nobody[@]}" detach --force "$dev"
expect_status 0 "${as_nobody[@]}" list
expect_status 0 "${as_nobody[@]}" status "$dev"
expect_status 0 "${as_nobody[@]}" info "$uri"
detach "$dev"
