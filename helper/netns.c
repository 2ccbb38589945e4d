// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The monitor connects from the network namespace that it is in itself, and says in
 * the file that it has claimed which one that is.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
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

static int open_one(const char *process)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%s/ns/net", process);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/**
 * netns_visit_first - be in the network namespace of process 1
 *
 * What the kernel tells of devices is to be heard only in the one that the machine began
 * with, which is that, unless the process is in a container. The calling thread is there
 * until netns_return(); sockets stay where they were made. If it may not go there it says
 * so.
 *
 * Return: for netns_return(): -1 if this is it, or may not be left.
 */
int netns_visit_first(void)
{
	char own[NETNS_NAME], first[NETNS_NAME];
	int home, there;

	get_name("self", own);
	get_name("1", first);
	if (!own[0] || !first[0] || !strcmp(own, first))
		return -1;
	home = open_one("thread-self");
	there = home < 0 ? -1 : open_one("1");
	if (there < 0 || setns(there, CLONE_NEWNET)) {
		daemon_log("cannot hear of losses in the network namespace of process 1: %s",
			   strerror(errno));
		if (home >= 0)
			close(home);
		home = -1;
	}
	if (there >= 0)
		close(there);
	return home;
}

/**
 * netns_return - go back from where netns_visit_first() led
 * @home: what that returned
 *
 * Return: 0, or -1 when the thread is still there.
 */
int netns_return(int home)
{
	int ret;

	if (home < 0)
		return 0;
	ret = setns(home, CLONE_NEWNET);
	close(home);
	return ret;
}
