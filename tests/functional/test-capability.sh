#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Root of a user namespace of its own is not root: the driver refuses.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit unshare
start_nbdkit tcp memory 16M
attach "$uri"
unshare -Ur true 2>/dev/null || skip "no user namespaces"
refused_attached 8 . unshare -Ur nbdctl detach "$dev"
refused_attached 8 . unshare -Ur nbdctl detach --force "$dev"
refused_attached 8 . unshare -Ur nbdctl attach "$uri" nbd3
not_attached nbd3 || fail "nbd3 is attached"
detach "$dev"
