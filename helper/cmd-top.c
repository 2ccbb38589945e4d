// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "nbdctl.h"
#include "show.h"
#include "top-look.h"
#include "top-print.h"
#include "top-screen.h"
#include "transport.h"

#define LEAST_DELAY	0.1
#define MOST_DELAY	3600

static const struct option options[] = {
	{ "delay", required_argument, NULL, 'd' },
	{ "count", required_argument, NULL, 'n' },
	{ "json", no_argument, NULL, 'j' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: nbdctl top [OPTION...] [DEVICE...]\n\n"
	"Show what devices, or all that are attached, and their connections do: again\n"
	"and again, until q is pressed or a signal ends it. Output that goes to no\n"
	"terminal is a table for each interval.\n\n"
	"  -d, --delay SECONDS  the interval, 0.1 to 3600; default 1\n"
	"  -n, --count NUMBER   end after so many intervals\n"
	"  -j, --json           for programs: a line for each interval\n\n"
	"Exit statuses: see nbdctl --help.\n";

/**
 * struct choice - what the command line says
 * @delay: the interval in seconds
 * @count: how many intervals; 0 for no end
 * @json: for programs
 * @screen: redraw in place
 * @devices: which ones
 * @n: their number; 0 for all
 */
struct choice {
	double delay;
	u64 count;
	bool json;
	bool screen;
	u32 *devices;
	size_t n;
};

static int parse_delay(const char *s, double *delay, struct err *err)
{
	char *end = NULL;

	if (s[0] && !s[strspn(s, "0123456789.")])
		*delay = strtod(s, &end);
	if (end && !*end && *delay >= LEAST_DELAY && *delay <= MOST_DELAY)
		return 0;
	return err_set(err, ST_USAGE, "--delay %s: not between %g and %d", s,
		       LEAST_DELAY, MOST_DELAY);
}

static int parse_options(int argc, char **argv, struct choice *choice,
			 struct err *err)
{
	int c, ret = 0;

	while (!ret && (c = next_option(argc, argv, ":d:n:j", options, err)) !=
	       OPTION_END) {
		if (c == 'd')
			ret = parse_delay(optarg, &choice->delay, err);
		else if (c == 'n')
			ret = args_number_option("--count", optarg, 1,
						 1000000000, &choice->count,
						 err);
		else if (c == 'j')
			choice->json = true;
		else
			ret = -1;
	}
	return ret;
}

/* A device that is named has to be attached, at the start. */
static int parse_devices(char **names, struct choice *choice, struct err *err)
{
	struct nl_devices devices;
	int ret = 0;

	for (; !ret && *names; names++) {
		u32 *index = &choice->devices[choice->n++];

		ret = args_device(*names, index, err);
		if (ret)
			break;
		ret = show_one(*index, &devices, err);
		nl_free_devices(&devices);
	}
	return ret;
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void print_table(struct top *top, const struct choice *choice)
{
	struct top_page page = { .columns = 80, .newline = "\n" };
	time_t now = time(NULL);
	char title[80], at[16];
	struct tm tm;

	strftime(at, sizeof(at), "%H:%M:%S", localtime_r(&now, &tm));
	snprintf(title, sizeof(title), "nbdctl top  %s  every %g s%s", at,
		 choice->delay, choice->screen ? "  q ends it" : "");
	page.title = title;
	page.none = choice->n ? "none of these devices is attached" :
				"no devices are attached";
	if (!choice->screen) {
		top_print_text(stdout, top, &page);
		return;
	}
	screen_size(&page.columns, &page.rows);
	/* The cursor is on the last one. */
	if (page.rows > 1)
		page.rows--;
	page.newline = "\033[K\n";
	top_rank(top);
	printf("\033[H");
	top_print_text(stdout, top, &page);
	printf("\033[J");
}

static int print_interval(const struct top_look *before,
			  const struct top_look *after, bool first,
			  const struct choice *choice, struct err *err)
{
	struct top top;
	int ret = top_compare(&top, before, after);

	if (ret) {
		err_set(err, ST_FAILED, "out of memory");
	} else if (choice->json) {
		top_print_json(stdout, &top, seconds_now());
	} else {
		if (!first && !choice->screen)
			printf("\n");
		print_table(&top, choice);
	}
	top_free(&top);
	if (!ret && fflush(stdout))
		ret = err_set(err, ST_FAILED, "cannot write the output");
	return ret;
}

static int watch(const struct choice *choice, struct err *err)
{
	s64 step = (s64)(choice->delay * 1000), next = deadline_in(step);
	struct top_look before, after;
	u64 n;
	int ret = top_look(&before, choice->devices, choice->n, err);

	for (n = 0; !ret && (!choice->count || n < choice->count); n++) {
		if (!screen_wait(next))
			break;
		next += step;
		/* Those that were missed are not made up for. */
		if (!deadline_left(next))
			next = deadline_in(step);
		ret = top_look(&after, choice->devices, choice->n, err);
		if (!ret)
			ret = print_interval(&before, &after, !n, choice, err);
		top_look_free(&before);
		before = after;
	}
	top_look_free(&before);
	return ret;
}

static int run(int argc, char **argv, struct err *err)
{
	struct choice choice = { .delay = 1 };
	int ret = parse_options(argc, argv, &choice, err);

	if (ret)
		return ret;
	choice.screen = !choice.json && isatty(STDOUT_FILENO);
	choice.devices = calloc((size_t)argc, sizeof(*choice.devices));
	if (!choice.devices)
		return err_set(err, ST_FAILED, "out of memory");
	ret = parse_devices(argv + optind, &choice, err);
	/* Whoever reads a pipe may stop when he has seen enough. */
	signal(SIGPIPE, SIG_DFL);
	if (!ret && choice.screen)
		screen_begin();
	if (!ret)
		ret = watch(&choice, err);
	screen_end();
	free(choice.devices);
	return ret;
}

const struct verb verb_top = {
	.name		= "top",
	.summary	= "show what devices and connections do, live",
	.help		= help,
	.run		= run,
};
