#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that insists on TLS: refused with its own words, nothing left.
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
patient=(--connect-timeout $((20 * slow)))
mkdir "$T/psk"
printf 'user:%s\n' "$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')" \
	>"$T/psk/keys.psk"
start_nbdkit tcp --tls=require --tls-psk="$T/psk/keys.psk" memory 1M
refused 5 'TLS' \
	nbdctl attach "${patient[@]}" "$uri"
refused 5 'TLS' \
	nbdctl info "${patient[@]}" "$uri"
nothing_left
