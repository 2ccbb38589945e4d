// SPDX-License-Identifier: GPL-2.0-or-later
/* nbdctl: attach, detach and show network block devices. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bounded.h"
#include "nbdctl.h"

static const struct verb * const verbs[] = {
	&verb_attach, &verb_detach, &verb_reconnect, &verb_resize,
	&verb_list, &verb_status, &verb_top, &verb_info, &verb_metrics,
	&verb_monitor,
};

static const char statuses[] =
	"Exit status:\n"
	"  0  done\n"
	"  1  failed in a way that has no number of its own\n"
	"  2  unknown verb or option, malformed URI, wrong line in the table\n"
	"  3  the server cannot be reached: unknown host, refused, timed out\n"
	"  4  not an NBD server, or it broke the protocol\n"
	"  5  the server refused, or its export cannot be used\n"
	"  6  the device is busy, or a monitor is running already\n"
	"  7  no such device, or it is not attached\n"
	"  8  not permitted\n"
	"  9  the module is missing, or it is the kernel's own\n";

static void print_help(void)
{
	size_t i;

	printf("Usage: nbdctl VERB [OPTION...] [ARGUMENT...]\n\n"
	       "Attach, detach, reconnect, resize, show and watch network block devices.\n\n");
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-9s %s\n", verbs[i]->name, verbs[i]->summary);
	printf("\nnbdctl VERB --help tells more about a verb; nbdctl --version prints\n"
	       "the version. The manual is nbdctl(8).\n\n%s", statuses);
}

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i]->name, name))
			return verbs[i];
	return NULL;
}

static bool wants_help(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

static int run_verb(int argc, char **argv, struct err *err)
{
	const struct verb *verb = find_verb(argv[0]);

	if (!verb)
		return err_set(err, ST_USAGE,
			       "unknown verb %s (see nbdctl --help)", argv[0]);
	if (wants_help(argc, argv)) {
		printf("%s", verb->help);
		return 0;
	}
	return verb->run(argc, argv, err);
}

static int run(int argc, char **argv, struct err *err)
{
	if (argc < 2)
		return err_set(err, ST_USAGE,
			       "no verb given (see nbdctl --help)");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help();
		return 0;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("nbdctl %s\n", NBDCTL_VERSION);
		return 0;
	}
	if (argv[1][0] == '-')
		return err_set(err, ST_USAGE,
			       "unknown option %s (see nbdctl --help)",
			       argv[1]);
	return run_verb(argc - 1, argv + 1, err);
}

/*
 * Whoever has closed a standard descriptor does not want sockets there, which messages
 * would be sent over. Writing output still fails.
 */
static void occupy_standard(void)
{
	static const int how[] = { O_WRONLY, O_RDONLY, O_RDONLY };
	int fd;

	for (fd = 0; fd < (int)ARRAY_SIZE(how); fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", how[fd]) < 0)
			_exit(ST_FAILED);
}

int main(int argc, char **argv)
{
	struct err err = { .status = ST_OK };

	occupy_standard();
	signal(SIGPIPE, SIG_IGN);
	/* If it is ignored, children cannot be waited for. */
	signal(SIGCHLD, SIG_DFL);
	run(argc, argv, &err);
	if (err.status == ST_OK && (fflush(stdout) || ferror(stdout)))
		err_set(&err, ST_FAILED, "cannot write the output");
	if (err.status != ST_OK && err.text[0])
		err_print(&err);
	signals_release();
	return err.status;
}
