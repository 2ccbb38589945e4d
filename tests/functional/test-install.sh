#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make install on the system that runs: modprobe takes our module and not the kernel's
# own, and the nbdctl in the path works with it. After make uninstall it is as before.
# What is built already is installed.
# timeout: 120
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires make rsync depmod modinfo nbdkit
tree=$T/tree
theirs=$(modinfo -n nbd) || fail "the kernel has no driver of its own"
# Of the kernel's modules there is only that one: depmod would read all of them, slowly.
modules=/lib/modules/$(uname -r)
mkdir -p "$T/modules/$(dirname "${theirs#"$modules"/}")"
cp "$theirs" "$T/modules/${theirs#"$modules"/}"
cp "$modules"/modules.builtin* "$modules"/modules.order "$T/modules/"
mount --bind "$T/modules" "$modules"
mounts+=("$modules")
depmod -a
rsync -a --exclude /build --exclude /.git "$(dirname "$0")/../../" "$tree/"
cp "$NBD_KO" "$tree/driver/nbd.ko"
rsync -a "$NBDCTL_DIR/" "$tree/helper/"
of_tree()
{
	make -s -C "$tree" -o driver -o helper "$@" release="$(uname -r)" \
		>"$T/make.log" 2>&1
}
# files: those that are there, in places of which some are not.
files()
{
	{ find /etc/modprobe.d /etc/udev /etc/initramfs-tools /usr/local \
		"$modules/updates" -type f 2>/dev/null || true; } | sort
}
files >"$T/before"
at_exit of_tree uninstall
of_tree install || fail "install: $(tail -n 5 "$T/make.log")"
ours=$(modinfo -n nbd)
[ "$ours" = "$modules/updates/nbd.ko" ] || fail "modprobe takes $ours"
unload_module
modprobe nbd || fail "modprobe: status $?"
[ "$(cat /sys/module/nbd/srcversion)" = "$(modinfo -F srcversion "$NBD_KO")" ] ||
	fail "another module was loaded"
PATH=/usr/local/sbin:/usr/sbin:/usr/bin
hash -r
[ "$(command -v nbdctl)" = /usr/local/sbin/nbdctl ] || fail "nbdctl is not in the path"
start_nbdkit unix memory 16M
attach "$uri"
verify "$dev" 4M
detach "$dev"
of_tree uninstall || fail "uninstall: $(tail -n 5 "$T/make.log")"
[ "$(modinfo -n nbd)" = "$theirs" ] || fail "modprobe takes $(modinfo -n nbd)"
files >"$T/after"
cmp -s "$T/before" "$T/after" ||
	fail "not as before: $(diff "$T/before" "$T/after")"
