# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests of the helper, against its real sources. For inclusion by the
# Makefile of this directory: it runs what HELPER_TESTS names. By itself:
#	make -f helper.mk check-helper
HELPER_TESTS := test-uri test-text test-negotiate test-negotiate-lies test-nl \
	test-monitor test-nbdtab test-root-disk test-advice test-top
HELPER_DIR := ../../helper

helper_sources := $(addprefix $(HELPER_DIR)/,args.c err.c text.c uri.c \
	uri-format.c export.c negotiate.c negotiate-reply.c nl-get.c state.c \
	backoff.c attach-args.c nbdtab.c print.c root-disk.c advice.c \
	json.c latency.c top.c top-format.c top-text.c top-json.c)
helper_packages := libnl-3.0 libnl-genl-3.0 json-c
helper_headers := $(wildcard $(HELPER_DIR)/*.h)
helper_cflags := -std=gnu11 -O1 -g -Wall -Wextra -Werror -D_GNU_SOURCE \
	-fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -I../../uapi -I$(HELPER_DIR) \
	$(shell pkg-config --cflags $(helper_packages))
helper_libs := -lcmocka -lm $(shell pkg-config --libs $(helper_packages))

test-negotiate test-negotiate-lies: negotiate-script.c negotiate-script.h

$(HELPER_TESTS): %: %.c $(helper_sources) $(helper_headers)
	$(CC) $(helper_cflags) -o $@ $(filter %.c,$^) $(helper_libs)

check-helper: $(HELPER_TESTS)
	set -e; for test in $(HELPER_TESTS); do ./$$test; done

clean-helper:
	rm -f $(HELPER_TESTS)

.PHONY: check-helper clean-helper
