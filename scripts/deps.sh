#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Install the Debian 12 packages that are missing, and only those.
#
# usage: scripts/deps.sh [build|packages|test|bench|system]
#   build     what `make` needs: compiler, libraries, headers of both kernels
#   packages  that, and what `make packages` needs
#   test      as build, and what `make check` and `make demo` need (the default)
#   bench     as test, and what `make bench-profile` needs
#   system    packages and test, and what `make check-system` needs
#
# Says nothing when nothing is missing. NBD_NO_DEPS=1 turns it off.
set -eu

build_set=(
	gcc make libc6-dev pkg-config kmod bash-completion
	libnl-3-dev libnl-genl-3-dev libkmod-dev libjson-c-dev
	linux-headers-amd64 linux-headers-6.12-amd64
)
packages_set=(
	build-essential dpkg-dev debhelper dkms dh-dkms fakeroot lintian rsync git
)
test_set=(
	libcmocka-dev clang-14 libclang-rt-14-dev
	sparse shellcheck mandoc perl jq
	python3 python3-yaml python3-jsonschema python3-prometheus-client
	linux-source-6.12 flex bison bc libelf-dev libssl-dev
	xz-utils zstd cpio tar rsync
	qemu-system-x86 qemu-utils seabios busybox-static
	nbdkit nbd-server nbd-client libnbd-bin
	fio e2fsprogs xfsprogs parted fdisk dmsetup
	coreutils findutils mawk git util-linux iproute2 nftables procps
)
system_set=(
	mmdebstrap debian-archive-keyring
)

case ${1:-test} in
build) want=("${build_set[@]}") ;;
packages) want=("${build_set[@]}" "${packages_set[@]}") ;;
test) want=("${build_set[@]}" "${test_set[@]}") ;;
bench) want=("${build_set[@]}" "${test_set[@]}" linux-perf) ;;
system)
	want=("${build_set[@]}" "${packages_set[@]}" "${test_set[@]}"
		"${system_set[@]}")
	;;
*)
	echo "usage: $0 [build|packages|test|bench|system]" >&2
	exit 2
	;;
esac

[ -z "${NBD_NO_DEPS:-}" ] || exit 0

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "deps: not a Debian system; see scripts/deps.sh for what is needed" >&2
	exit 0
fi

missing=()
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
	sed -n 's/^installed //p')
for package in "${want[@]}"; do
	grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "deps: missing: ${missing[*]}" >&2
		echo "deps: run scripts/deps.sh ${1:-test} as root to install them" >&2
		exit 1
	fi
	as_root=(sudo)
fi

# A package must not start a server on this machine: say so to the init
# scripts for as long as the installation takes.
policy=/usr/sbin/policy-rc.d
made_policy=
cleanup()
{
	[ -z "$made_policy" ] || "${as_root[@]}" rm -f "$policy"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP
if [ ! -e "$policy" ]; then
	made_policy=1
	printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
	"${as_root[@]}" chmod 755 "$policy"
fi

echo "deps: installing ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y
	-o DPkg::Lock::Timeout=300)
log=$(mktemp)

# A mirror moves on between the two steps, and one list of many may be out of
# reach: only what cannot be installed is an error.
refresh()
{
	"${apt[@]}" update >>"$log" 2>&1 || true
}

install_missing()
{
	"${apt[@]}" install --no-install-recommends "${missing[@]}" \
		>>"$log" 2>&1 </dev/null
}

refresh
if ! install_missing && ! { refresh && install_missing; }; then
	tail -n 30 "$log" >&2
	rm -f "$log"
	echo "deps: apt-get failed" >&2
	exit 1
fi
rm -f "$log"
