#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Several devices at once, each with its own contents and servers.
# cpus: 2
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit fio
devs=() sums=()
for i in 0 1 2 3; do
	head -c 4M /dev/urandom >"$T/disk$i"
	kind=unix
	[ $((i % 2)) = 0 ] || kind=tcp
	start_nbdkit $kind file "$T/disk$i"
	attach -C 2 "$uri"
	devs+=("$dev")
	sums+=("$(sha256sum <"$T/disk$i" | cut -d' ' -f1)")
done
[ "$(printf '%s\n' "${devs[@]}" | sort -u | wc -l)" = 4 ] ||
	fail "devices: ${devs[*]}"
for i in 0 1 2 3; do
	[ "$(hash_of "${devs[i]}")" = "${sums[i]}" ] ||
		fail "${devs[i]} has the contents of another"
done
pids=()
for i in 0 1 2 3; do
	dd if="$T/disk$(((i + 1) % 4))" of="${devs[i]}" bs=64k \
		oflag=direct conv=fsync status=none &
	pids+=($!)
done
for p in "${pids[@]}"; do
	wait "$p" || fail "dd"
done
nbdctl list --json | jq -e '.devices | length == 4' >/dev/null ||
	fail "list: $(nbdctl list --json)"
# detach of several; the second of two is not there any more.
detach "${devs[0]}" "${devs[1]}"
idle "${devs[0]}" "${devs[1]}"
attached "${devs[2]}" && attached "${devs[3]}" || fail "too much detached"
detach --all
idle "${devs[@]}"
