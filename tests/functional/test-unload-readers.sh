#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whoever reads /proc/diskstats holds a disk but not the module: unloaded while readers
# are kept from the processor in the middle of it, the module waits for them.
# timeout: 150
# leaks: yes
# debug: check
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires chrt
reader()
{
	while :; do
		read -r -d '' _ </proc/diskstats || true
		read -r -d '' _ </proc/partitions || true
	done
}
spin()
{
	while :; do :; done
}
for _ in 1 2 3 4; do
	reader &
	chrt --idle --pid 0 $!
done
# More than there are processors, so that no reader finds one idle for long.
for ((n = 0; n < $(nproc); n++)); do
	spin &
done
for ((n = 0; n < 12 / slow; n++)); do
	unload_module
	load_module nbds_max=64
	sleep 0.2
done
unload_module
load_module
