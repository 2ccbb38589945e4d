#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each error of a server, to each command, reaches the user as what the kernel's
# block layer can say of it, and nothing else comes of it: the connection
# stays, and so does the data.
# timeout: 150
# stock: once
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

requires nbdkit
mib=4

# What the user does, the command that fails, and the column of the table. Of
# the last one, writes fail too, with which the block layer may go on.
operations='read		read		1
write		write		1
write-dsync	write+fua	1
fsync		flush		2
discard		trim		3
punch-hole	zeroes+fast	4
zero-range	zeroes+no-hole	5
zero-out	zeroes+no-hole	5
zero-out/w	zeroes+no-hole	6'

# What the server says, then what the user gets. A number that the protocol does
# not name is EINVAL, whatever it means here (11 is EAGAIN). A refused trim is a
# success, a refused flush never. ENOTSUP is the last, because a refusal to
# zero fast is remembered.
#
# Linux 6.1 has no status for EINVAL, and writes zeroes after any error of a
# zeroing that may not deallocate.
table_6_1='0		OK	  OK	    OK	      OK	OK	OK
1		EIO	  EIO	    EIO	      EIO	OK	EIO
5		EIO	  EIO	    EIO	      EIO	OK	EIO
11		EIO	  EIO	    EIO	      EIO	OK	EIO
12		ENOMEM	  ENOMEM    ENOMEM    ENOMEM	OK	ENOMEM
22		EIO	  EIO	    EIO	      EIO	OK	EIO
28		ENOSPC	  ENOSPC    ENOSPC    ENOSPC	OK	ENOSPC
75		EOVERFLOW EOVERFLOW EOVERFLOW EOVERFLOW	OK	EOVERFLOW
1234		EIO	  EIO	    EIO	      EIO	OK	EIO
4294967295	EIO	  EIO	    EIO	      EIO	OK	EIO
95		ENOTSUP	  EIO	    OK	      ENOTSUP	OK	ENOTSUP'

# Linux 6.12 writes zeroes after ENOTSUP only, which the driver does not let a
# zeroing end with that need not be fast.
table_6_12='0		OK	  OK	    OK	      OK	OK	  OK
1		EIO	  EIO	    EIO	      EIO	EIO	  EIO
5		EIO	  EIO	    EIO	      EIO	EIO	  EIO
11		EINVAL	  EINVAL    EINVAL    EINVAL	EINVAL	  EINVAL
12		ENOMEM	  ENOMEM    ENOMEM    ENOMEM	ENOMEM	  ENOMEM
22		EINVAL	  EINVAL    EINVAL    EINVAL	EINVAL	  EINVAL
28		ENOSPC	  ENOSPC    ENOSPC    ENOSPC	ENOSPC	  ENOSPC
75		EOVERFLOW EOVERFLOW EOVERFLOW EOVERFLOW	EOVERFLOW EOVERFLOW
1234		EINVAL	  EINVAL    EINVAL    EINVAL	EINVAL	  EINVAL
4294967295	EINVAL	  EINVAL    EINVAL    EINVAL	EINVAL	  EINVAL
95		ENOTSUP	  EIO	    OK	      ENOTSUP	EIO	  EIO'

case $(uname -r) in
6.1.*) table=$table_6_1 zeroes_written=1 ;;
*) table=$table_6_12 zeroes_written='' ;;
esac

# The user: one process for all, to start one takes long.
coproc user { /usr/bin/python3 "$(dirname "$0")/../servers/errno-of"; }

# try OPERATION OFFSET: sets got.
try()
{
	echo "$dev $1 $2" >&"${user[1]}"
	read -r -t $((30 * slow)) got <&"${user[0]}" ||
		fail "$1 at $2 did not end"
}

# saw WANT: in this cell of the table.
saw()
{
	[ "$got" = "$1" ] || fail "$said to $command: $op got $got, not $1"
	row+=$(printf ' %11s' "$got")
}

# should_ask COMMAND NUMBER: the next that the server is to log.
should_ask()
{
	should+="$1 $2"$'\n'
	[ "$2" = 0 ] || errors=$((errors + 1))
}

# should_ask_all: what this operation makes of one error.
should_ask_all()
{
	local place="$offset 4096" again=0

	[ "$command" != flush ] || place='0 0'
	should=''
	should_ask "$command $place" "$said"
	case $op,$said in
	write-dsync,0) should_ask 'flush 0 0' 0 ;;
	zero-out/w,*) again=$said ;;
	esac
	[ -z "$zeroes_written" ] || [ "$said" = 0 ] ||
		[ "$command" != zeroes+no-hole ] ||
		should_ask "write $place" "$again"
}

# one_error WANT: a cell, at a place of its own.
one_error()
{
	offset=$((offset + 8192))
	: >"$asked"
	echo "$command $said" >"$rules"
	[ "$op" != zero-out/w ] || echo "write $said" >>"$rules"
	should_ask_all
	try "${op%/*}" $offset
	saw "$1"
	[ "$(<"$asked")"$'\n' = "$should" ] ||
		fail "$said to $command: $op asked $(<"$asked"), not $should"
	# Written by the block layer: data that is meant to change.
	[ "$said$got" = 0OK ] || [ "$command,$got" != zeroes+no-hole,OK ] ||
		dd if=/dev/zero of="$T/disk" bs=4k seek=$((offset / 4096)) \
			count=1 conv=notrunc status=none
}

# one_row SAID WANT...: the row of one error.
one_row()
{
	local column

	said=$1
	row=$(printf '%-10s' "$said")
	shift
	while read -r op command column; do
		one_error "${!column}"
	done <<<"$operations"
	say "$row"
}

header()
{
	say "said      $(awk '{ printf " %11s", $1 }' <<<"$operations")"
}

# fill: what is not to change from here on.
fill()
{
	: >"$rules"
	dd if=/dev/urandom of="$T/disk" bs=1M count=$mib status=none
	dd if="$T/disk" of="$dev" bs=1M oflag=direct status=none
}

# unharmed: all is as it should be.
unharmed()
{
	: >"$rules"
	expect_field "$dev" .connections_live 1
	expect_field "$dev" '.connections[0].errors' "$errors"
	[ "$(hash_of "$dev")" = "$(sha256sum <"$T/disk" | cut -d' ' -f1)" ] ||
		fail "errors changed the data"
}

# matrix unix|tcp: the whole table.
matrix()
{
	local wants

	errors=0 offset=0
	start_errors "$1" $mib
	attach --no-partscan "$uri"
	header
	while read -r -a wants; do
		one_row "${wants[@]}"
		[ "${wants[0]}" != 0 ] || fill
	done <<<"$table"
	unharmed
	detach "$dev"
}

# nbdkit_row NAME SAID: the same of nbdkit, which has no errors for flushes.
nbdkit_row()
{
	local wants op kind column

	read -r -a wants < <(grep "^$2[[:space:]]" <<<"$table")
	start_nbdkit unix --filter=error memory $((mib))M error="$1" \
		error-rate=1 error-pread-file="$T/pread" \
		error-pwrite-file="$T/pwrite" error-trim-file="$T/trim" \
		error-zero-file="$T/zero"
	attach --no-partscan "$uri"
	said=$1 row=$(printf '%-10s' "$1")
	while read -r op kind column; do
		command="nbdkit's $kind"
		touch "$T/$kind"
		try "$op" 8192
		rm "$T/$kind"
		saw "${wants[column]}"
	done <<<"$nbdkit_operations"
	say "$row"
	try read 8192
	[ "$got" = OK ] || fail "$got without a cause"
	expect_field "$dev" .connections_live 1
	detach "$dev"
	kill_server "$server_pid"
}

nbdkit_operations='read		pread	1
write		pwrite	1
write-dsync	pwrite	1
discard		trim	3
punch-hole	zero	4
zero-range	zero	5
zero-out	zero	5'

matrix unix
matrix tcp
nbdkit_row EPERM 1
nbdkit_row ENOMEM 12
nbdkit_row EINVAL 22
nbdkit_row ENOSPC 28
