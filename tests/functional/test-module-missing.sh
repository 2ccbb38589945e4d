#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The module is not loaded, and not installed or blacklisted.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit unshare
start_nbdkit unix memory 1M
# The kernel itself would load one for the netlink family.
helper=$(cat /proc/sys/kernel/modprobe)
put_back()
{
	echo "$helper" >/proc/sys/kernel/modprobe
}
at_exit put_back
echo /bin/false >/proc/sys/kernel/modprobe
unload_module
# shellcheck disable=SC2016 # for the inner shell
hidden=(unshare -m sh -c 'mount -t tmpfs none /lib/modules && exec "$@"' -)
refused 9 'nbd.*not (loaded|installed)' "${hidden[@]}" nbdctl attach "$uri"
refused 9 'nbd.*not (loaded|installed)' "${hidden[@]}" nbdctl detach nbd0
expect_status 0 "${hidden[@]}" nbdctl list
[ ! -s "$T/out" ] || [ "$(wc -l <"$T/out")" -le 1 ] || fail "list: $(cat "$T/out")"
mkdir -p /run/modprobe.d
echo "blacklist nbd" >/run/modprobe.d/nbd-test.conf
at_exit rm -f /run/modprobe.d/nbd-test.conf
refused 9 'blacklisted' nbdctl attach "$uri"
[ ! -e /sys/module/nbd ] || fail "the module was loaded"
[ -z "$(established)" ] || fail "a connection is left"
put_back
load_module
