#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# detach refuses a mounted device, says where, and the mount lives on.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit mkfs.ext4
start_nbdkit unix memory 32M
attach "$uri"
mkfs.ext4 -q "$dev"
mount_at "$dev" "$T/a mount"
echo data >"$T/a mount/file"
refused_attached 6 "mounted on .*/a mount" nbdctl detach "$dev"
refused_attached 6 "mounted on .*/a mount" nbdctl detach --all
echo more >>"$T/a mount/file"
sync -f "$T/a mount/file"
umount "$T/a mount"
detach "$dev"
attach -r "$uri"
mount_at "$dev" "$T/a mount"
[ "$(cat "$T/a mount/file")" = "data
more" ] || fail "the file is not what was written"
umount "$T/a mount"
detach "$dev"
