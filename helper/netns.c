// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The monitor connects from the network namespace that it is in itself, and says in
 * the file that it has claimed which one that is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netns.h"
#include "run-dir.h"

#define NETNS_NAME	32	/* "net:[4026531840]" */

/* Empty if that may not be known. */
static void get_name(const char *process, char *name)
{
	char path[32];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", process);
	len = readlink(path, name, NETNS_NAME - 1);
	name[len < 0 ? 0 : len] = '\0';
}

/**
 * netns_tell - write which network namespace this process is in
 * @fd: the file, which has nothing else in it
 */
void netns_tell(int fd)
{
	char name[NETNS_NAME];

	get_name("self", name);
	if (ftruncate(fd, 0) || pwrite(fd, name, strlen(name), 0) < 0)
		errno = 0;
}

/* That of the monitor, or, as none runs, of whoever will start it. */
static void get_monitors(char *name)
{
	char *text;

	if (!run_dir_is_claimed(RUN_DIR_MONITOR)) {
		get_name("1", name);
		return;
	}
	text = run_dir_read(RUN_DIR_MONITOR);
	snprintf(name, NETNS_NAME, "%s", text ? text : "");
	free(text);
}

/**
 * netns_is_monitors - whether the monitor connects from the same network namespace
 *
 * Return: false if it is another one; true also when nobody knows.
 */
bool netns_is_monitors(void)
{
	char own[NETNS_NAME], monitors[NETNS_NAME];

	get_name("self", own);
	get_monitors(monitors);
	return !own[0] || !monitors[0] || !strcmp(own, monitors);
}

/**
 * netns_matters - whether a URI may be another server in another network namespace
 * @uri: the URI
 *
 * Return: false for vsock, and for a UNIX socket that has a path.
 */
bool netns_matters(const struct uri *uri)
{
	return uri->transport == URI_TCP ||
	       (uri->transport == URI_UNIX && !uri->socket[0]);
}
