// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server, and the one who attaches to it, that answers with mutated replies.
 *
 * usage: mutated-replies [options]
 *   --replies N      until so many mutated replies were sent (1000000)
 *   --seconds N      or so long (60)
 *   --seed N         of all choices; the order in which things happen is the
 *                    kernel's
 *   --connections N  of the device (16)
 *   --tcp PERCENT    of the connections, the others are UNIX sockets (25)
 *   --patience S     what takes longer hangs (60)
 *
 * Requests are in flight all the time; when a connection is lost they go over another
 * one, and new connections replace those that were lost. Data are never mutated: what
 * is read has to be what was written, an error has to be one that was sent, only a
 * reply that breaks the protocol may end a connection, and each of those must. In the
 * end everything is read over connections that were left alone, and again after
 * attaching once more.
 *
 * The last line of the output says how many replies were mutated and how many ended
 * their connection. A reply counts if it was sent as a whole on a connection that the
 * driver had not closed.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "replies.h"

static u64 replies = 1000000, seconds = 60;
static u64 connections = 16, tcp_percent = 25;
static atomic_ullong alive;		/* when the server did its last round */
static atomic_bool failing;

u64 now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

/* Any thread; the first one that calls it says why. */
void fail(const char *format, ...)
{
	va_list args;

	if (atomic_exchange(&failing, true)) {
		for (;;)
			pause();
	}
	printf("FAIL: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(" (seed %llu)\n", (unsigned long long)server_seed);
	fflush(stdout);
	link_give_up();
	_exit(1);
}

static u64 total(const u64 *counts, bool breaking_only)
{
	u64 sum = 0;
	int k;

	for (k = 0; k < NR_KINDS; k++) {
		if (!breaking_only || kind_breaks((enum kind)k))
			sum += counts[k];
	}
	return sum;
}

/* Nothing may take for ever, neither a request nor the server itself. */
static void *watch(void *arg)
{
	u64 since, now;
	unsigned int i;

	(void)arg;
	for (;;) {
		sleep(1);
		now = now_ms();
		for (i = 0; i <= AREAS; i++) {
			since = atomic_load(&lanes[i].since);
			if (since && now > since + patience)
				fail("a request hangs in lane %u, sent %u times",
				     i, atomic_load(&lanes[i].seen));
		}
		since = atomic_load(&alive);
		if (now > since + patience)
			fail("the server hangs");
	}
	return NULL;
}

static void turn(void)
{
	atomic_store(&alive, now_ms());
	server_round();
	link_refill();
}

static void say(const char *how, u64 ms)
{
	printf("%s %llu replies, %llu of them broke the protocol, in %llu s; ",
	       how, (unsigned long long)total(sent, false),
	       (unsigned long long)total(ended, true),
	       (unsigned long long)ms / 1000);
	printf("%u reads were right, %u errors, %u requests given up; seed %llu\n",
	       atomic_load(&verified), atomic_load(&errors),
	       atomic_load(&given_up), (unsigned long long)server_seed);
	fflush(stdout);
}

static void run(u64 start)
{
	u64 end = start + seconds * 1000, next = start + 60000, now = start;

	mutate = true;
	while (now < end && total(sent, false) < replies) {
		turn();
		now = now_ms();
		if (now >= next) {
			say("so far", now - start);
			next += 60000;
		}
	}
	mutate = false;
}

/* Everything is as it was written, over connections that are well. */
static void verify(const char *path)
{
	u64 start = now_ms();

	while (!server_quiet()) {
		turn();
		if (now_ms() > start + 2 * patience)
			fail("connections are missing in the end");
	}
	load_verify(path);
	while (load_running())
		turn();
	load_compare();
}

static u64 parse_number(const char *text)
{
	char *end;
	u64 n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || end == text) {
		fprintf(stderr, "mutated-replies: %s: not a number\n", text);
		exit(2);
	}
	return n;
}

static void parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "replies", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'S' },
		{ "connections", required_argument, NULL, 'c' },
		{ "tcp", required_argument, NULL, 't' },
		{ "patience", required_argument, NULL, 'p' },
		{}
	};
	u64 *const values[128] = {
		['r'] = &replies,
		['s'] = &seconds,
		['S'] = &server_seed,
		['c'] = &connections,
		['t'] = &tcp_percent,
		['p'] = &patience,
	};
	int c;

	patience = 60;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			exit(2);
		*values[c] = parse_number(optarg);
	}
	if (optind < argc || !connections || connections > MAX_CONNS) {
		fprintf(stderr, "mutated-replies: wrong arguments, see the head of its source\n");
		exit(2);
	}
	patience *= 1000;
	while (!server_seed) {
		if (getrandom(&server_seed, 4, 0) != 4)
			exit(2);
	}
}

static void report(u64 ms)
{
	int k;

	for (k = 0; k < NR_KINDS; k++)
		printf("%-12s %10llu sent %10llu ended their connection\n",
		       kind_name((enum kind)k), (unsigned long long)sent[k],
		       (unsigned long long)ended[k]);
	say("mutated", ms);
}

int main(int argc, char **argv)
{
	pthread_t watcher;
	char path[32];
	u64 start, took;

	parse_options(argc, argv);
	disk = calloc(1, DISK_BYTES);
	if (!disk)
		fail("no memory");
	atomic_store(&alive, now_ms());
	link_attach(connections, tcp_percent);
	if (pthread_create(&watcher, NULL, watch, NULL))
		fail("no thread");
	snprintf(path, sizeof(path), "/dev/nbd%u", link_index());
	load_start(path);
	start = now_ms();
	run(start);
	took = now_ms() - start;
	load_stop();
	while (load_running())
		turn();
	verify(path);
	link_detach();
	link_attach(connections, tcp_percent);
	snprintf(path, sizeof(path), "/dev/nbd%u", link_index());
	verify(path);
	link_detach();
	report(took);
	return 0;
}
