# SPDX-License-Identifier: GPL-2.0-or-later
#
# make                  driver/nbd.ko for the running kernel (or KDIR=...) and
#                       helper/nbdctl
# make install          both, the manual page, completion, units, udev rules, and
#                       what a root disk needs; DESTDIR and PREFIX honoured,
#                       see Documentation/install.md
# make uninstall        remove all that
# make packages         Debian packages of both in build/packages
# make demo             a real disk over four connections, in a virtual machine
# make check            every test; make check-quick: those of a few minutes;
#                       make check-debug: all of them on the debug kernel, where
#                       make check runs half of them, which takes long;
#                       make check-kernels: build without a warning for 6.1,
#                       6.12 and 7.2, test on 7.2, fetched from Debian sid
# make check-mutants    break one thing after the other and see the tests fail
# make soak             tests that go on for hours, on the debug kernel: a million
#                       mutated replies, 20 minutes of storm, 50 server
#                       kills, and what takes too long there for make check
# make check-stock      all functional tests on 6.1 and on 6.12: some of them take long,
#                       and make check runs these on one of the two, in turn
# make check-system     install the packages in a Debian 12 with systemd, boot it in
#                       a virtual machine and use them, half an hour;
#                       make check-fresh: from apt install in one that never had them
#                       to a file system that is mounted at boot, an upgrade, the purge
# make stock            what the kernel's own driver does in some of the cases of
#                       Documentation/reliability.md, printed
# make bench            measure beside the kernel's own driver and write the
#                       tables of Documentation/performance.md, an hour;
#                       make bench-quick: print a few rows, 2 minutes;
#                       make bench-multiconn: several connections to real
#                       servers, beside nbdcopy and qemu-img, 13 minutes;
#                       make bench-zero: zero disks of servers that can do it
#                       fast, slowly or not at all;
#                       make bench-profile: which functions hold the instructions
#                       of an I/O at depth 1;
#                       make bench-depth: slow servers with many requests in
#                       flight and with large ones;
#                       make bench-latency: what the histograms of how long
#                       requests took cost an I/O;
#                       make bench-serial: several connections to a server that
#                       serves one request at a time on each
#
# Tests, bench and demo install what they miss from Debian's archive and need root.

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
DEPMOD ?= /sbin/depmod

all: driver helper

driver:
	$(MAKE) -C $(KDIR) M=$(CURDIR)/driver modules

helper:
	$(MAKE) -C helper

# The release as the kernel's own build calls it, also for a foreign KDIR.
release = $(shell $(MAKE) -s -C $(KDIR) kernelrelease)

install: install-driver install-helper install-boot

# Below updates/, which modprobe prefers to the kernel's own nbd.
install-driver: driver
	install -D -m 644 driver/nbd.ko \
		$(DESTDIR)/lib/modules/$(release)/updates/nbd.ko
	$(if $(DESTDIR),,$(DEPMOD) -a $(release))

install-helper: helper
	$(MAKE) -C helper install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) \
		SBINDIR=$(SBINDIR)

uninstall: uninstall-boot
	rm -f $(DESTDIR)/lib/modules/$(release)/updates/nbd.ko
	$(if $(DESTDIR),,$(DEPMOD) -a $(release))
	$(MAKE) -C helper uninstall DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) \
		SBINDIR=$(SBINDIR)

include scripts/boot.mk

packages:
	scripts/deps.sh packages
	scripts/packages

demo:
	scripts/deps.sh test
	tests/demo/run

check:
	scripts/deps.sh test
	tests/run full

check-quick:
	scripts/deps.sh test
	tests/run quick

check-debug:
	scripts/deps.sh test
	tests/run debug

check-kernels:
	scripts/deps.sh test
	tests/run kernels

check-mutants:
	scripts/deps.sh test
	tests/mutants/run

check-stock:
	scripts/deps.sh test
	tests/run stock

check-fresh:
	scripts/deps.sh system
	tests/system/run fresh

check-system:
	scripts/deps.sh system
	tests/system/run

soak:
	scripts/deps.sh test
	tests/soak

stock:
	scripts/deps.sh test
	tests/stock/run

bench:
	scripts/deps.sh test
	tests/bench/run

bench-quick:
	scripts/deps.sh test
	tests/bench/run --quick

bench-multiconn:
	scripts/deps.sh test
	tests/bench/multiconn

bench-zero:
	scripts/deps.sh test
	tests/bench/run --zero

bench-serial:
	scripts/deps.sh test
	tests/bench/run --serial

bench-latency:
	scripts/deps.sh test
	tests/bench/run --latency

bench-profile:
	scripts/deps.sh bench
	tests/bench/run --profile

bench-depth:
	scripts/deps.sh test
	tests/bench/run --depth

clean:
	$(MAKE) -C helper clean
	$(MAKE) -C tests/unit clean
	$(MAKE) -C tests/fuzz clean
	rm -rf build
	find driver tests/kunit \( -name '*.o' -o -name '*.ko' -o \
		-name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' -o \
		-name modules.order -o -name Module.symvers \) -delete

.PHONY: all driver helper install install-driver install-helper install-boot \
	uninstall uninstall-boot packages demo check check-quick check-debug \
	check-kernels check-stock check-mutants check-system check-fresh \
	soak stock bench bench-quick bench-multiconn bench-zero bench-depth \
	bench-serial bench-latency bench-profile clean
