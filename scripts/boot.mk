# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installing what the system needs beside module and helper: units, udev rules,
# options of the module, and the scripts for a root disk.
#
# With PREFIX=/usr they go to where distributions have theirs, else to where an
# administrator puts his own and each program still looks.

ifeq ($(PREFIX),/usr)
UNITDIR ?= /lib/systemd/system
UDEVDIR ?= /lib/udev
RULESDIR ?= /lib/udev/rules.d
INITRAMFSDIR ?= /usr/share/initramfs-tools
else
UNITDIR ?= $(PREFIX)/lib/systemd/system
UDEVDIR ?= $(PREFIX)/lib/udev
RULESDIR ?= /etc/udev/rules.d
INITRAMFSDIR ?= /etc/initramfs-tools
endif
MODPROBEDIR ?= /etc/modprobe.d

units := nbdctl@.service nbdctl-monitor.service nbdctl-shutdown.service
initramfs := nbdctl-functions local-top/nbdctl local-block/nbdctl

boot_files = $(addprefix $(UNITDIR)/,$(units)) $(UDEVDIR)/nbd_id \
	$(RULESDIR)/59-nbd.rules $(INITRAMFSDIR)/hooks/nbdctl \
	$(addprefix $(INITRAMFSDIR)/scripts/,$(initramfs))

# $(call install-with-paths,MODE,TEMPLATE,TARGET)
define install-with-paths
	install -D -m $(1) $(2) $(DESTDIR)$(3)
	sed -i -e 's,@SBINDIR@,$(SBINDIR),' -e 's,@UDEVDIR@,$(UDEVDIR),' \
		-e 's,@RULESDIR@,$(RULESDIR),' $(DESTDIR)$(3)

endef

# $(call install-script,MODE,FILE,TARGET)
define install-script
	install -D -m $(1) $(2) $(DESTDIR)$(3)

endef

reload-units = $(if $(DESTDIR),,[ ! -d /run/systemd/system ] || \
	systemctl daemon-reload)

# Those of single devices, too, which go with their template.
disable-units = $(if $(DESTDIR),,[ ! -d /run/systemd/system ] || { \
	systemctl disable --now nbdctl-monitor nbdctl-shutdown; \
	systemctl disable nbdctl@; } || true)

# An administrator's own nbd.conf is left alone.
install-boot:
	$(foreach u,$(units),$(call install-with-paths,644,systemd/$(u).in,$(UNITDIR)/$(u)))
	$(call install-with-paths,644,udev/59-nbd.rules.in,$(RULESDIR)/59-nbd.rules)
	$(call install-script,755,udev/nbd_id,$(UDEVDIR)/nbd_id)
	[ -e $(DESTDIR)$(MODPROBEDIR)/nbd.conf ] || install -D -m 644 \
		modprobe.d/nbd.conf $(DESTDIR)$(MODPROBEDIR)/nbd.conf
	$(call install-with-paths,755,initramfs-tools/hooks/nbdctl.in,$(INITRAMFSDIR)/hooks/nbdctl)
	$(call install-script,644,initramfs-tools/nbdctl-functions,$(INITRAMFSDIR)/scripts/nbdctl-functions)
	$(foreach d,local-top local-block,$(call install-script,755,initramfs-tools/scripts/$(d)/nbdctl,$(INITRAMFSDIR)/scripts/$(d)/nbdctl))
	$(reload-units)

uninstall-boot:
	$(disable-units)
	rm -f $(addprefix $(DESTDIR),$(boot_files))
	! cmp -s modprobe.d/nbd.conf $(DESTDIR)$(MODPROBEDIR)/nbd.conf || \
		rm $(DESTDIR)$(MODPROBEDIR)/nbd.conf
	$(reload-units)
