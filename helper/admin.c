// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <linux/capability.h>

#include "admin.h"

static bool has_sys_admin(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long effective = 0;
	bool found = false;
	char line[256];

	if (!file)
		return !geteuid();
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "CapEff: %llx", &effective) == 1;
	fclose(file);
	return found ? effective >> CAP_SYS_ADMIN & 1 : !geteuid();
}

/**
 * admin_check - whether the kernel would let us change devices
 * @what: what is to be done, for the message
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int admin_check(const char *what, struct err *err)
{
	if (has_sys_admin())
		return 0;
	return err_set(err, ST_NOT_PERMITTED,
		       "not permitted to %s: run it as root", what);
}
