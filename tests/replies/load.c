// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests to the device, and whether their results can be right: data that were read
 * are those that were written, and an error has a cause.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/aio_abi.h>
#include <linux/fs.h>

#include "replies.h"

#define BLOCK		512u
#define BLOCKS		(USED_BYTES / BLOCK)
/*
 * The driver gives a request up when 20 connections have ended with it. The server
 * has not seen all of them, those of a connection that it had broken before.
 */
#define TRIES_SEEN	10u

enum op { OP_READ, OP_WRITE, OP_FLUSH, OP_TRIM, OP_ZERO };

/* What a lane does at present; its thread's alone. */
struct work {
	enum op op;
	u32 at;			/* in its area */
	u32 len;
	bool again;		/* the write failed: nobody knows what is there */
	u8 *buf;
	struct iocb iocb;
};

struct lane lanes[AREAS + 1];
u8 *disk;
atomic_uint given_up, errors, verified;

static u8 *expected;		/* what the device must have */
static struct work works[AREAS];
static atomic_bool stop;
static atomic_uint running;
static u64 serial;		/* of the aio thread's writes */

static void fill(u8 *buf, u32 len, u64 seed)
{
	u64 state = seed * 0x9e3779b97f4a7c15ULL + 1, word;
	u32 i;

	if (!state)
		state = 1;
	for (i = 0; i < len; i += sizeof(word)) {
		word = rnd(&state);
		memcpy(buf + i, &word, sizeof(word));
	}
}

static u8 *area(u8 *base, unsigned int lane)
{
	return base + (size_t)lane * AREA_BYTES;
}

static void begin(unsigned int lane)
{
	atomic_store(&lanes[lane].refused, 0);
	atomic_store(&lanes[lane].failed, 0);
	atomic_store(&lanes[lane].seen, 0);
	atomic_store(&lanes[lane].since, now_ms());
}

/* An error of the device must be the server's, or that of a poisoned request. */
static void check_cause(unsigned int lane, enum op op, int error)
{
	unsigned int seen = atomic_load(&lanes[lane].seen);

	if (atomic_load(&lanes[lane].refused)) {
		atomic_fetch_add(&errors, 1);
		return;
	}
	if (error != EIO || seen < TRIES_SEEN)
		fail("request of kind %d in lane %u failed without a cause: %s, sent %u times",
		     op, lane, strerror(error), seen);
	atomic_fetch_add(&given_up, 1);
}

/* What the block layer does in another way may succeed at last. */
static void check_success(unsigned int lane, enum op op)
{
	if (op != OP_TRIM && op != OP_ZERO && atomic_load(&lanes[lane].failed))
		fail("request of kind %d in lane %u succeeded, the server says it failed",
		     op, lane);
}

static void check_data(unsigned int lane, u32 at, u32 len, const u8 *have)
{
	const u8 *want = area(expected, lane) + at;
	u32 i = 0;

	atomic_fetch_add(&verified, 1);
	if (!memcmp(want, have, len))
		return;
	while (want[i] == have[i])
		i++;
	fail("wrong data in lane %u, %u bytes read at %u, byte %u is %02x, not %02x",
	     lane, len, at, i, have[i], want[i]);
}

static void ended_as(unsigned int lane, long result)
{
	struct work *w = &works[lane];

	atomic_store(&lanes[lane].since, 0);
	w->again = false;
	if (result < 0) {
		check_cause(lane, w->op, -result);
		w->again = w->op != OP_READ;
		return;
	}
	if (result != w->len)
		fail("%ld bytes of %u in lane %u", result, w->len, lane);
	check_success(lane, w->op);
	if (w->op == OP_READ)
		check_data(lane, w->at, w->len, w->buf);
	else
		memcpy(area(expected, lane) + w->at, w->buf, w->len);
}

static void choose_place(struct work *w, u64 *state)
{
	u32 most = below(state, 8) ? 16 : BLOCKS;
	u32 blocks = 1 + below(state, most);

	w->len = blocks * BLOCK;
	w->at = below(state, BLOCKS - blocks + 1) * BLOCK;
}

static void choose(struct work *w, u64 *state)
{
	if (w->again)
		return;
	choose_place(w, state);
	w->op = below(state, 3) ? OP_READ : OP_WRITE;
	if (w->op == OP_WRITE)
		fill(w->buf, w->len, ++serial);
	else
		memset(w->buf, 0xee, w->len);
}

static struct iocb *submission(unsigned int lane, int fd, u64 *state)
{
	struct work *w = &works[lane];

	choose(w, state);
	begin(lane);
	memset(&w->iocb, 0, sizeof(w->iocb));
	w->iocb.aio_data = lane;
	w->iocb.aio_fildes = fd;
	w->iocb.aio_lio_opcode = w->op == OP_READ ? IOCB_CMD_PREAD :
						    IOCB_CMD_PWRITE;
	w->iocb.aio_buf = (uintptr_t)w->buf;
	w->iocb.aio_nbytes = w->len;
	w->iocb.aio_offset = (u64)lane * AREA_BYTES + w->at;
	return &w->iocb;
}

static void submit(aio_context_t context, struct iocb **iocbs, long count)
{
	long done;

	while (count) {
		done = syscall(SYS_io_submit, context, count, iocbs);
		if (done <= 0)
			fail("io_submit: %s", strerror(errno));
		iocbs += done;
		count -= done;
	}
}

/* Reads and writes, many at a time; to the end, each is tried until it succeeds. */
static void *fast(void *arg)
{
	int fd = (int)(intptr_t)arg;
	u64 state = server_seed ^ 0x5bd1e995;
	struct io_event events[LANES];
	struct iocb *iocbs[LANES];
	aio_context_t context = 0;
	long in_flight = 0, i, n, count = LANES;

	if (syscall(SYS_io_setup, LANES, &context))
		fail("io_setup: %s", strerror(errno));
	for (i = 0; i < LANES; i++)
		iocbs[i] = submission(i, fd, &state);
	while (count || in_flight) {
		submit(context, iocbs, count);
		in_flight += count;
		n = syscall(SYS_io_getevents, context, 1, LANES, events, NULL);
		if (n <= 0)
			fail("io_getevents: %s", strerror(errno));
		in_flight -= n;
		for (i = 0, count = 0; i < n; i++) {
			ended_as(events[i].data, events[i].res);
			if (!stop || works[events[i].data].again)
				iocbs[count++] = submission(events[i].data, fd,
							    &state);
		}
	}
	syscall(SYS_io_destroy, context);
	close(fd);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static long carry_out(int fd, struct work *w)
{
	u64 at = (u64)SLOW_LANE * AREA_BYTES + w->at;
	u64 range[2] = { at, w->len };
	long ret = w->len;

	switch (w->op) {
	case OP_READ:
		ret = pread(fd, w->buf, w->len, at);
		break;
	case OP_WRITE:
		ret = pwrite(fd, w->buf, w->len, at);
		break;
	case OP_TRIM:
		if (ioctl(fd, BLKDISCARD, range))
			ret = -1;
		break;
	case OP_ZERO:
		if (ioctl(fd, BLKZEROOUT, range))
			ret = -1;
		break;
	case OP_FLUSH:
		break;
	}
	return ret < 0 ? -errno : ret;
}

static void flush(int fd)
{
	int error;

	begin(FLUSH_LANE);
	error = fsync(fd) ? errno : 0;
	atomic_store(&lanes[FLUSH_LANE].since, 0);
	if (error)
		check_cause(FLUSH_LANE, OP_FLUSH, error);
	else
		check_success(FLUSH_LANE, OP_FLUSH);
}

/* What cannot be submitted without waiting for it. */
static void *slow(void *arg)
{
	int fd = (int)(intptr_t)arg;
	u64 state = server_seed ^ 0x27d4eb2f;
	struct work *w = &works[SLOW_LANE];
	u64 count = 0;

	while (!stop || w->again) {
		if (!w->again) {
			choose_place(w, &state);
			w->op = (enum op)below(&state, OP_ZERO + 1);
			memset(w->buf, w->op == OP_READ ? 0xee : 0, w->len);
			if (w->op == OP_WRITE)
				fill(w->buf, w->len, ++count << 32);
		}
		if (w->op == OP_FLUSH) {
			flush(fd);
			continue;
		}
		begin(SLOW_LANE);
		ended_as(SLOW_LANE, carry_out(fd, w));
	}
	close(fd);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static void start(void *(*function)(void *), const char *path)
{
	int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	pthread_t thread;

	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	atomic_fetch_add(&running, 1);
	if (pthread_create(&thread, NULL, function, (void *)(intptr_t)fd))
		fail("no thread");
	pthread_detach(thread);
}

static u8 *allocate(size_t len)
{
	void *p;

	if (posix_memalign(&p, 4096, len))
		fail("no memory");
	return p;
}

/**
 * load_start - begin to read, write, flush, trim and zero without end
 * @path: the device
 *
 * The disk has contents from the beginning, which are made here.
 */
void load_start(const char *path)
{
	unsigned int i;

	expected = allocate(DISK_BYTES);
	fill(expected, DISK_BYTES, server_seed);
	memcpy(disk, expected, DISK_BYTES);
	for (i = 0; i < AREAS; i++)
		works[i].buf = allocate(USED_BYTES);
	start(fast, path);
	start(slow, path);
}

/**
 * load_stop - submit nothing more but what failed
 */
void load_stop(void)
{
	stop = true;
}

/**
 * load_running - are there threads of load_start() or load_verify()?
 */
bool load_running(void)
{
	return atomic_load(&running);
}

static void *verify(void *arg)
{
	int fd = (int)(intptr_t)arg;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < AREAS; i++) {
		begin(i);
		n = pread(fd, works[i].buf, USED_BYTES, (u64)i * AREA_BYTES);
		if (n != USED_BYTES)
			fail("cannot read lane %u in the end: %s", i,
			     n < 0 ? strerror(errno) : "too short");
		atomic_store(&lanes[i].since, 0);
		check_data(i, 0, USED_BYTES, works[i].buf);
	}
	close(fd);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

/**
 * load_verify - begin to read everything
 * @path: the device
 */
void load_verify(const char *path)
{
	start(verify, path);
}

/**
 * load_compare - what the server has is what the device must have
 */
void load_compare(void)
{
	if (memcmp(disk, expected, DISK_BYTES))
		fail("the server has other data than were written");
}
