// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/nbd-netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "args.h"
#include "attach-args.h"
#include "bounded.h"
#include "nbdctl.h"
#include "nbdtab.h"
#include "show.h"

static const char help[] =
	"Usage: nbdctl attach [OPTION...] URI [DEVICE]\n"
	"       nbdctl attach [OPTION...] DEVICE\n"
	"       nbdctl attach [OPTION...] --all\n\n"
	"Attach the export that URI names and print the device. DEVICE is /dev/nbd3,\n"
	"nbd3 or 3; without it the first free one that is not in /etc/nbdtab is taken.\n"
	"A DEVICE alone is attached as that says; options replace it. URI is one of\n\n"
	"  nbd://HOST[:PORT]/EXPORT\n"
	"  nbd+unix:///EXPORT?socket=PATH\n"
	"  nbd+vsock://CID[:PORT]/EXPORT\n\n"
	"  -a, --all                 all devices of the table that are not attached\n"
	"      --nbdtab FILE         this table instead of /etc/nbdtab\n"
	"  -C, --connections N       connections to the server, 1 to 256 (default 1)\n"
	"      --force-multi-conn    use N connections although the server does not\n"
	"                            promise that it is safe\n"
	"  -r, --read-only           no writes, whatever the server allows\n"
	"  -b, --block-size SIZE     logical block (default: what the server needs)\n"
	"      --queue-depth N       requests in flight for each connection\n"
	"      --timeout SEC         give up a request after this time, 0 = never\n"
	"                            (default 30)\n"
	"      --dead-timeout SEC    keep requests this long when no connection is\n"
	"                            left (default 0, or two weeks with --persist)\n"
	"      --fence SEC           how long a write waits before it is sent again\n"
	"                            after its connection was given up (default 5)\n"
	"      --on-restart WHAT     when the server was restarted before it flushed\n"
	"                            writes: trust it, or the next flush is an error\n"
	"                            (default trust)\n"
	"      --persist             nbdctl monitor gives the device new connections\n"
	"                            when it loses some\n"
	"      --alternate URI       another place where the export is found, up to 8\n"
	"                            times; with --persist\n"
	"  -N, --name EXPORT         the export, instead of the one in URI\n"
	"      --no-optgo            for a server that hangs up on NBD_OPT_GO: ask\n"
	"                            for the export in the old way\n"
	"      --no-partscan         do not look for partitions\n"
	"      --max-request SIZE    largest request\n"
	"      --read-ahead SIZE     read-ahead\n"
	"      --zeroes WHEN         when the server is asked to zero: auto, fast,\n"
	"                            slow or off (default auto)\n"
	"      --connect-timeout SEC time for all handshakes together (default 10)\n"
	"      --retry SEC           if the server cannot be reached, try again for this\n"
	"                            long (default 0)\n\n"
	"SIZE may end in K, M, G or T. Exit statuses: see nbdctl --help.\n";

/* What the command line says that is about no device in particular. */
struct command {
	int argc;
	char **argv;
	bool all;
	const char *table;
};

/* For messages: the long name of an option. */
static const char *shown(int c)
{
	static char name[32];
	const struct option *option = attach_args_options;

	while (option->val != c)
		option++;
	snprintf(name, sizeof(name), "--%s", option->name);
	return name;
}

/* May be called again: what the table says is replaced by what is given here. */
static int parse_options(struct command *command, struct attach_args *args,
			 struct err *err)
{
	int c;

	optind = 0;
	while ((c = next_option(command->argc, command->argv, ":aC:rb:N:",
				attach_args_options, err)) != OPTION_END) {
		if (c == OPTION_BAD)
			return -1;
		if (c == ATTACH_ALL)
			command->all = true;
		else if (c == ATTACH_NBDTAB)
			command->table = optarg;
		else if (attach_args_set(args, c, shown(c), optarg, err))
			return -1;
	}
	return 0;
}

static int refuse_tls(const struct uri *uri, struct err *err)
{
	static char text[URI_MAX_FORMAT];

	if (!uri->tls)
		return 0;
	return err_set(err, ST_FAILED, "%s: TLS is not supported yet",
		       uri_format(uri, text, sizeof(text)));
}

static int finish_and_attach(struct attach_args *args, struct err *err)
{
	size_t i;

	if (attach_args_finish(args, err) ||
	    uri_make_absolute(&args->o.uri, err) ||
	    refuse_tls(&args->o.uri, err))
		return -1;
	for (i = 0; i < args->o.nr_alternates; i++)
		if (uri_make_absolute(&args->alternate_uris[i], err) ||
		    refuse_tls(&args->o.alternates[i], err))
			return -1;
	return attach_run(&args->o, err);
}

/* A device that the table is about is not for something else, also while it is free. */
static u32 *reserve(struct attach_options *o)
{
	struct nbdtab_entry *table, *entry;
	struct err ignored;
	u32 *reserved;
	size_t n = 0;

	table = nbdtab_read(NBDTAB_PATH, &ignored);
	for (entry = table; entry; entry = entry->next)
		n++;
	reserved = n ? calloc(n, sizeof(*reserved)) : NULL;
	for (entry = table; entry && reserved; entry = entry->next)
		if (entry->args.o.has_device)
			reserved[o->nr_reserved++] = entry->args.o.device;
	o->reserved = reserved;
	nbdtab_free(table);
	return reserved;
}

static int attach_uri(int n, char **words, struct attach_args *args,
		      struct err *err)
{
	u32 *reserved;
	int ret;

	if (n > 2)
		return err_set(err, ST_USAGE, "attach: too many arguments");
	if (uri_parse(&args->o.uri, words[0], err))
		return -1;
	args->o.has_device = n == 2;
	if (n == 2 && args_device(words[1], &args->o.device, err))
		return -1;
	reserved = n == 1 ? reserve(&args->o) : NULL;
	ret = finish_and_attach(args, err);
	free(reserved);
	return ret;
}

static void warn_of_unknown(const struct nbdtab_entry *entry,
			    const struct command *command)
{
	struct err warning;

	if (!*entry->unknown)
		return;
	err_set(&warning, ST_USAGE, "%s, line %u: unknown option ignored: %s",
		command->table, entry->line, entry->unknown);
	err_print(&warning);
}

static int attach_entry(const struct nbdtab_entry *entry,
			struct command *command, struct err *err)
{
	static struct attach_args args;

	if (entry->wrong.status != ST_OK) {
		*err = entry->wrong;
		return -1;
	}
	warn_of_unknown(entry, command);
	args = entry->args;
	if (parse_options(command, &args, err))
		return -1;
	return finish_and_attach(&args, err);
}

/* The device that is looked for may be meant by a line that does not name one. */
static int not_found(u32 device, const struct nbdtab_entry *table,
		     const struct command *command, struct err *err)
{
	while (table && table->args.o.has_device)
		table = table->next;
	if (!table)
		return err_set(err, ST_NO_DEVICE, "nbd%u is not in %s", device,
			       command->table);
	*err = table->wrong;
	return -1;
}

static int attach_named(u32 device, struct nbdtab_entry *table,
			struct command *command, struct err *err)
{
	const struct nbdtab_entry *entry = nbdtab_find(table, device);

	if (!entry)
		return not_found(device, table, command, err);
	return attach_entry(entry, command, err);
}

/* Is it what the table says? Other programs do not leave the URI. */
static int check_backend(const struct nbdtab_entry *entry,
			 const struct nl_device *d,
			 const struct command *command, struct err *err)
{
	static char text[URI_MAX_FORMAT];

	uri_format(&entry->args.o.uri, text, sizeof(text));
	if (!d->backend || !strcmp(d->backend, text))
		return 1;
	return err_set(err, ST_BUSY,
		       "%s, line %u: nbd%u is attached to something else, %s",
		       command->table, entry->line, d->index, d->backend);
}

/* Now: those before it may have been waited for. 1, 0, or -1 with @err set. */
static int is_attached(const struct nbdtab_entry *entry,
		       const struct command *command, struct err *err)
{
	struct nl_devices devices;
	const struct nl_device *d;
	int attached = 0;

	if (show_attached(&devices, err))
		attached = -1;
	for (d = devices.d; !attached && d < devices.d + devices.n; d++)
		if (d->index == entry->args.o.device &&
		    d->state != NBD_STATE_DISCONNECTING)
			attached = check_backend(entry, d, command, err);
	nl_free_devices(&devices);
	return attached;
}

static int attach_unless_attached(const struct nbdtab_entry *entry,
				  struct command *command, struct err *err)
{
	int attached = 0;

	/* What is wrong is said, whatever is attached. */
	if (entry->wrong.status == ST_OK)
		attached = is_attached(entry, command, err);
	if (attached)
		return attached < 0 ? -1 : 0;
	/* Between two devices a signal may end the program. */
	signals_release();
	return attach_entry(entry, command, err);
}

static int attach_all(const struct nbdtab_entry *table,
		      struct command *command, struct err *err)
{
	const struct nbdtab_entry *entry;
	struct nl_devices devices;
	struct err one;
	int ret;

	if (admin_check("attach devices", err))
		return -1;
	/* What is wrong with the driver need not be said for each of them. */
	ret = show_attached(&devices, err);
	nl_free_devices(&devices);
	if (ret)
		return -1;
	for (entry = table; entry; entry = entry->next)
		if (attach_unless_attached(entry, command, &one))
			err_keep_first(err, &one);
	return err->status == ST_OK ? 0 : -1;
}

static int attach_by_table(struct command *command, const char *name,
			   struct err *err)
{
	struct nbdtab_entry *table;
	u32 device = 0;
	int ret;

	if (name && args_device(name, &device, err))
		return -1;
	if (!command->table)
		command->table = NBDTAB_PATH;
	table = nbdtab_read(command->table, err);
	if (err->status != ST_OK)
		return -1;
	ret = name ? attach_named(device, table, command, err) :
	      attach_all(table, command, err);
	nbdtab_free(table);
	return ret;
}

/* Or else a URI; what is neither is malformed as what it looks more like. */
static bool is_device(const char *word)
{
	return !strncmp(word, "/dev/", 5) ||
	       (*word && !strpbrk(word, ":/"));
}

static int run(int argc, char **argv, struct err *err)
{
	struct command command = { .argc = argc, .argv = argv };
	static struct attach_args args;
	char **words;
	int n;

	attach_args_init(&args);
	if (parse_options(&command, &args, err))
		return -1;
	words = argv + optind;
	n = argc - optind;
	if (command.all && n)
		return err_set(err, ST_USAGE, "attach: too many arguments");
	if (!command.all && !n)
		return err_set(err, ST_USAGE,
			       "attach: neither a URI nor a device is given");
	if (command.all || (n == 1 && is_device(words[0])))
		return attach_by_table(&command, words[0], err);
	if (command.table)
		return err_set(err, ST_USAGE,
			       "attach: --nbdtab is for a device alone, or for --all");
	return attach_uri(n, words, &args, err);
}

const struct verb verb_attach = {
	.name		= "attach",
	.summary	= "attach an export of a server to a device",
	.help		= help,
	.run		= run,
};
