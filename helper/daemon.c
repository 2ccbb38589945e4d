// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The monitor's own program, libraries and log may be on the disk that it is to
 * revive: it must need nothing of that, and wait for nobody who may.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "daemon.h"

#define MMAP_THRESHOLD	(128 << 10)

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER	57
#endif

/*
 * systemd's convention for daemons of the root disk: at shutdown they are not
 * killed before it is unmounted. glibc's name is the memory of argv[0].
 */
static void mark_storage_daemon(void)
{
	if (program_invocation_name && program_invocation_name[0])
		program_invocation_name[0] = '@';
}

static void spare_from_oom(void)
{
	static const char least[] = "-1000";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, least, sizeof(least) - 1) < 0)
		errno = 0;
	close(fd);
}

static void raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* The libraries that the resolver loads are not those of the program. */
static void load_resolver(void)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *result = NULL;

	if (!getaddrinfo("localhost", NULL, &hints, &result))
		freeaddrinfo(result);
}

/**
 * daemon_harden - be independent of the disks
 *
 * Call it before threads are started: they take over some of it. One heap for all
 * threads, whose large pieces go back to the kernel, keeps what is locked small.
 */
void daemon_harden(void)
{
	mark_storage_daemon();
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	spare_from_oom();
	raise_open_files();
	load_resolver();
	if (chdir("/"))
		daemon_log("cannot change to the root directory: %s",
			   strerror(errno));
	/* Memory that we ask for must not wait for a disk to be written. */
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		daemon_log("cannot lock memory: %s", strerror(errno));
}

/* The kernel's log takes a line at once, and never says that it would. */
static bool is_kernel_log(void)
{
	struct stat st;

	return !fstat(STDERR_FILENO, &st) && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 11);
}

static bool can_log(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	return is_kernel_log() ||
	       (poll(&p, 1, 0) == 1 && p.revents & POLLOUT);
}

/**
 * daemon_log - one line on standard error
 * @fmt: printf format, without the newline
 *
 * A line that whoever reads it has no room for is lost: it may wait for a disk.
 */
void daemon_log(const char *fmt, ...)
{
	char line[2200];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (len < 0 || !can_log())
		return;
	if (len > (int)sizeof(line) - 2)
		len = (int)sizeof(line) - 2;
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		errno = 0;
}
