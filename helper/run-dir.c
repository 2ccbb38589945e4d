// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounded.h"
#include "run-dir.h"
#include "transport.h"

#define RUN_DIR		"/run/nbdctl"
#define VARIABLE	"NBDCTL_RUN_DIR"
#define MOST_TEXT	(1024 << 10)
#define LOCK_MS		5000	/* it is held for a few system calls */
#define LOCK_NAP_MS	5
#define CLAIM_MS	200
#define READ_MS		2000	/* for what was swapped out */
#define READ_AGAIN_MS	50	/* once that did not come in time */

static const char *run_dir(void)
{
	const char *dir = secure_getenv(VARIABLE);

	return dir && *dir ? dir : RUN_DIR;
}

/*
 * The directory stays open: a process that was started in an initramfs does not see
 * where it has been moved to.
 */
static int dir_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open(run_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

static int open_file(const char *name, int flags)
{
	int dir = dir_fd();

	return dir < 0 ? -1 : openat(dir, name, flags | O_CLOEXEC, 0600);
}

/* Another description of the directory, with a lock and a position of its own. */
static int open_again(void)
{
	return open_file(".", O_RDONLY | O_DIRECTORY);
}

/**
 * run_dir_make - make the directory if it is not there
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int run_dir_make(struct err *err)
{
	if (dir_fd() >= 0 || !mkdir(run_dir(), 0700) || errno == EEXIST)
		return 0;
	return err_set(err, ST_FAILED, "cannot make the directory %s: %s",
		       run_dir(), strerror(errno));
}

/**
 * run_dir_lock - keep others from changing what is in it, if they use this too
 *
 * Return: a file descriptor; closing it ends that. -1 when there is no directory,
 * or somebody else keeps it for longer than anybody has to.
 */
int run_dir_lock(void)
{
	int fd = open_again();
	s64 deadline = deadline_in(LOCK_MS);

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		if (!deadline_left(deadline)) {
			close(fd);
			return -1;
		}
		pause_ms(LOCK_NAP_MS);
	}
	return fd;
}

/* Somebody may have it for a moment, to see whether it is claimed. */
static bool claim_soon(int fd)
{
	s64 deadline = deadline_in(CLAIM_MS);

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK || !deadline_left(deadline))
			return false;
		pause_ms(LOCK_NAP_MS);
	}
	return true;
}

/**
 * run_dir_claim - be the only process that has claimed a name
 * @name: the name of a file, which stays
 * @who: what the process is, for the message
 * @wait: called when another one has claimed it; then that one's end is waited for.
 *	NULL: this is a failure
 * @err: filled on failure, with ST_BUSY when there is another one
 *
 * Return: a file descriptor; closing it ends that. -1 with @err set on failure.
 */
int run_dir_claim(const char *name, const char *who, void (*wait)(void),
		  struct err *err)
{
	int fd;

	if (run_dir_make(err))
		return -1;
	fd = open_file(name, O_RDWR | O_CREAT);
	if (fd < 0)
		return err_set(err, ST_FAILED, "cannot open %s/%s: %s",
			       run_dir(), name, strerror(errno));
	if (claim_soon(fd))
		return fd;
	if (errno == EWOULDBLOCK && wait) {
		wait();
		if (!flock(fd, LOCK_EX))
			return fd;
	}
	if (errno == EWOULDBLOCK)
		err_set(err, ST_BUSY, "%s is running already: %s/%s is locked",
			who, run_dir(), name);
	else
		err_set(err, ST_FAILED, "cannot lock %s/%s: %s", run_dir(),
			name, strerror(errno));
	close(fd);
	return -1;
}

/**
 * run_dir_is_claimed - whether a process has claimed a name
 * @name: the name
 *
 * Return: true when one has and is running.
 */
bool run_dir_is_claimed(const char *name)
{
	int fd = open_file(name, O_RDONLY);
	bool claimed;

	if (fd < 0)
		return false;
	claimed = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return claimed;
}

static bool write_all(const char *name, const char *text)
{
	int fd = open_file(name, O_WRONLY | O_CREAT | O_TRUNC);
	size_t len = strlen(text);
	ssize_t done;

	if (fd < 0)
		return false;
	done = write(fd, text, len);
	if (done >= 0 && (size_t)done < len)
		errno = ENOSPC;
	return !close(fd) && done >= 0 && (size_t)done == len;
}

/**
 * run_dir_write - write a file, all of it or nothing
 * @name: its name; nobody else may write it at the same time
 * @text: its contents
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int run_dir_write(const char *name, const char *text, struct err *err)
{
	char new[RUN_DIR_NAME_MAX + 8];
	int error;

	if (run_dir_make(err))
		return -1;
	snprintf(new, sizeof(new), "%s.new", name);
	if (write_all(new, text) && !renameat(dir_fd(), new, dir_fd(), name))
		return 0;
	error = errno;
	unlinkat(dir_fd(), new, 0);
	return err_set(err, ST_FAILED, "cannot write %s/%s: %s", run_dir(),
		       name, strerror(error));
}

static char *read_all(int fd)
{
	struct stat st;
	ssize_t len;
	char *text;

	if (fstat(fd, &st) || st.st_size > MOST_TEXT)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return NULL;
	len = read(fd, text, (size_t)st.st_size);
	text[len < 0 ? 0 : len] = '\0';
	return text;
}

/* In a child, which has none of our descriptors. */
static int read_once(void *arg)
{
	int fd = open(arg, O_RDONLY | O_CLOEXEC);
	char buf[4096];

	while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
		;
	return 0;
}

/*
 * What is in the directory may have been swapped to a disk that nobody serves: then
 * who reads it waits for the server. False: it did not come.
 */
static bool is_in_memory(const char *name)
{
	static s64 patience = READ_MS;
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", run_dir(), name);
	ret = bounded_call(read_once, path, patience, NULL);
	if (!ret)
		patience = READ_MS;
	else if (ret == -ETIMEDOUT)
		patience = READ_AGAIN_MS;
	return !ret;
}

/**
 * run_dir_read - read a file
 * @name: its name
 *
 * Return: its contents, to be freed, or NULL when there is none or it cannot be
 * read, at least not soon.
 */
char *run_dir_read(const char *name)
{
	int fd = open_file(name, O_RDONLY);
	char *text = NULL;

	if (fd < 0)
		return NULL;
	if (is_in_memory(name))
		text = read_all(fd);
	close(fd);
	return text;
}

/**
 * run_dir_has - whether there is a file
 * @name: its name
 *
 * Return: true when there is one, whether it can be read or not.
 */
bool run_dir_has(const char *name)
{
	return dir_fd() >= 0 && !faccessat(dir_fd(), name, F_OK, 0);
}

/**
 * run_dir_remove - remove a file, if it is there
 * @name: its name
 */
void run_dir_remove(const char *name)
{
	if (dir_fd() >= 0)
		unlinkat(dir_fd(), name, 0);
}

/**
 * run_dir_hidden - whether there is a directory that this user may not look into
 *
 * Return: true when there is.
 */
bool run_dir_hidden(void)
{
	return access(run_dir(), R_OK | X_OK) && errno == EACCES;
}

/**
 * run_dir_each - call a function for each file
 * @fn: the function, which may remove the file
 * @arg: its second argument
 */
void run_dir_each(void (*fn)(const char *name, void *arg), void *arg)
{
	int fd = open_again();
	struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			fn(entry->d_name, arg);
	closedir(dir);
}

/**
 * run_dir_watch - ask to be told when a file is written or removed
 * @err: filled on failure
 *
 * Return: a file descriptor for run_dir_changes() that can be polled, or -1 with
 * @err set.
 */
int run_dir_watch(struct err *err)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd());
	if (fd >= 0 && inotify_add_watch(fd, path, IN_MOVED_TO | IN_DELETE |
					 IN_ONLYDIR) >= 0)
		return fd;
	err_set(err, ST_FAILED,
		"cannot watch %s, see fs.inotify.max_user_instances and max_user_watches: %s",
		run_dir(), strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/**
 * run_dir_changes - call a function for each file that was written or removed
 * @fd: what run_dir_watch() returned
 * @fn: the function, which finds out what happened; for files that have not
 *	changed, too
 * @arg: its second argument
 */
void run_dir_changes(int fd, void (*fn)(const char *name, void *arg), void *arg)
{
	const struct inotify_event *event;
	/* Numbers, so that an event may begin there. */
	u64 buf[512];
	ssize_t len, at;

	while ((len = read(fd, buf, sizeof(buf))) > 0) {
		for (at = 0; at < len; at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const void *)((const char *)buf + at);
			if (event->mask & IN_Q_OVERFLOW)
				run_dir_each(fn, arg);
			else if (event->len)
				fn(event->name, arg);
		}
	}
}
