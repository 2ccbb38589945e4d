// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each line has a device, a host, the name of an export, and options between
 * commas. Beyond what nbd-client reads, the host may be a URI, and the options may
 * be those of attach.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "nbdtab.h"

#define MAX_FIELDS	4
#define BLANKS		" \t\n"

#define NO_TLS		"TLS is not supported yet"
#define NO_SDP		"the Sockets Direct Protocol is not supported"
#define NO_PREINIT	"a server without a handshake is not supported"

enum field { DEVICE, HOST, EXPORT, OPTIONS };

/**
 * struct word - an option of nbd-client that attach does not have by that name
 * @name: the option
 * @valued: whether "=" and a value follow
 * @ours: the option of attach that it stands for
 * @lacks: why it cannot be done
 *
 * One that has neither needs nothing to be done.
 */
struct word {
	const char *name;
	bool valued;
	const char *ours;
	const char *lacks;
};

static const struct word words[] = {
	{ .name = "bs",		 .valued = true, .ours = "block-size" },
	{ .name = "conns",	 .valued = true, .ours = "connections" },
	{ .name = "readonly",	 .ours = "read-only" },
	{ .name = "swap" },
	{ .name = "no_optgo",	 .ours = "no-optgo" },
	{ .name = "nonetlink" },
	{ .name = "sdp",	 .lacks = NO_SDP },
	{ .name = "preinit",	 .lacks = NO_PREINIT },
	{ .name = "tls",	 .lacks = NO_TLS },
	{ .name = "certfile",	 .valued = true, .lacks = NO_TLS },
	{ .name = "keyfile",	 .valued = true, .lacks = NO_TLS },
	{ .name = "cacertfile",	 .valued = true, .lacks = NO_TLS },
	{ .name = "tlshostname", .valued = true, .lacks = NO_TLS },
	{ .name = "priority",	 .valued = true, .lacks = NO_TLS },
};

/*
 * What a line says about the way to the server, until all of it is known, and what
 * it asks for and is not there.
 */
struct way {
	const char *port;
	bool is_unix;
	const char *lacks;
};

static const struct word *find_word(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].name, name))
			return &words[i];
	return NULL;
}

static int check_value(const char *name, bool valued, const char *value,
		       struct err *err)
{
	if (valued && (!value || !*value))
		return err_set(err, ST_USAGE, "option %s needs a value", name);
	if (!valued && value)
		return err_set(err, ST_USAGE, "option %s takes no value", name);
	return 0;
}

/* As nbd-client does: it goes on with the rest of the line. */
static int pass_over(struct nbdtab_entry *entry, const char *name)
{
	size_t used = strlen(entry->unknown);

	snprintf(entry->unknown + used, sizeof(entry->unknown) - used, "%s%s",
		 used ? ", " : "", name);
	return 0;
}

static int set_ours(struct nbdtab_entry *entry, const char *shown,
		    const char *name, const char *value, struct err *err)
{
	const struct option *option = attach_args_find(name);

	if (!option)
		return pass_over(entry, shown);
	if (check_value(shown, option->has_arg == required_argument, value,
			err))
		return -1;
	return attach_args_set(&entry->args, option->val, shown, value, err);
}

static int set_option(struct nbdtab_entry *entry, struct way *way,
		      const char *name, const char *value, struct err *err)
{
	const struct word *word = find_word(name);

	if (!strcmp(name, "port")) {
		way->port = value;
		return check_value(name, true, value, err);
	}
	if (!strcmp(name, "unix")) {
		way->is_unix = true;
		return check_value(name, false, value, err);
	}
	if (!word)
		return set_ours(entry, name, name, value, err);
	if (word->ours)
		return set_ours(entry, name, word->ours, value, err);
	if (!way->lacks)
		way->lacks = word->lacks;
	return check_value(name, word->valued, value, err);
}

/* Those that begin with an underscore are for other programs. */
static int set_options(struct nbdtab_entry *entry, struct way *way,
		       char *options, struct err *err)
{
	char *name, *value;

	while ((name = strsep(&options, ","))) {
		value = strchr(name, '=');
		if (value)
			*value++ = '\0';
		if (!*name)
			return err_set(err, ST_USAGE,
				       "an option has no name");
		if (*name != '_' && set_option(entry, way, name, value, err))
			return -1;
	}
	return 0;
}

static int set_port(struct uri *uri, const char *port, struct err *err)
{
	u64 n;

	if (!port)
		return 0;
	if (!args_number(port, &n) || !n || n > 65535)
		return err_set(err, ST_USAGE, "port %s is not a number in range",
			       port);
	uri->port = (u32)n;
	return 0;
}

/* It may say its network interface, as in fe80::1%eth0. */
static bool is_ipv6(const char *host)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr ignored;

	snprintf(address, sizeof(address), "%.*s", (int)strcspn(host, "%"),
		 host);
	return inet_pton(AF_INET6, address, &ignored) == 1;
}

static int set_host(struct uri *uri, const char *host, const char *port,
		    struct err *err)
{
	if (*host == '-')
		return err_set(err, ST_USAGE,
			       "a host does not begin with '-'");
	if (strchr(host, '/'))
		return err_set(err, ST_USAGE,
			       "a host has no '/': the path of a socket needs the option unix");
	if (strchr(host, ':') && !is_ipv6(host))
		return err_set(err, ST_USAGE,
			       "a host has no ':': the port is the option port=");
	if (strlen(host) > URI_MAX_HOST)
		return err_set(err, ST_USAGE, "the host is too long");
	uri->transport = URI_TCP;
	memcpy(uri->host, host, strlen(host) + 1);
	return set_port(uri, port, err);
}

static int set_socket(struct uri *uri, const char *path, struct err *err)
{
	if (strlen(path) > URI_MAX_SOCKET)
		return err_set(err, ST_USAGE,
			       "the path of a UNIX socket has at most %d bytes",
			       URI_MAX_SOCKET);
	uri->transport = URI_UNIX;
	uri->socket_len = strlen(path);
	memcpy(uri->socket, path, uri->socket_len + 1);
	return 0;
}

static int set_server(struct uri *uri, const char *host, const struct way *way,
		      struct err *err)
{
	bool is_uri = strstr(host, "://");

	/* Of a path nbd-client takes no notice of a port. */
	if (way->port && is_uri)
		return err_set(err, ST_USAGE,
			       "port is only for a host that is a name or an address");
	if (is_uri && way->is_unix)
		return err_set(err, ST_USAGE, "unix is only for a path");
	if (is_uri)
		return uri_parse(uri, host, err);
	uri->port = URI_DEFAULT_PORT;
	if (way->is_unix)
		return set_socket(uri, host, err);
	return set_host(uri, host, way->port, err);
}

static bool asks_for_tls(const struct attach_options *o)
{
	size_t i;

	for (i = 0; i < o->nr_alternates; i++)
		if (o->alternates[i].tls)
			return true;
	return o->uri.tls;
}

static int take_fields(struct nbdtab_entry *entry, char **fields,
		       struct err *err)
{
	struct attach_args *a = &entry->args;
	struct way way = { .port = NULL };

	if (strcmp(fields[EXPORT], "-") || !strstr(fields[HOST], "://"))
		a->name = fields[EXPORT];
	if (set_options(entry, &way, fields[OPTIONS], err) ||
	    set_server(&a->o.uri, fields[HOST], &way, err) ||
	    attach_args_finish(a, err))
		return -1;
	if (asks_for_tls(&a->o))
		way.lacks = NO_TLS;
	return way.lacks ? err_set(err, ST_USAGE, "%s", way.lacks) : 0;
}

static int take_device(struct nbdtab_entry *entry, const char *name,
		       struct err *err)
{
	attach_args_init(&entry->args);
	if (args_device(name, &entry->args.o.device, err))
		return -1;
	entry->args.o.has_device = true;
	return 0;
}

/* A comment begins where a field could. Returns the number of fields. */
static int split(char *line, char **fields)
{
	char *save = NULL, *word;
	int n = 0;

	for (word = strtok_r(line, BLANKS, &save); word && *word != '#';
	     word = strtok_r(NULL, BLANKS, &save)) {
		if (n < MAX_FIELDS)
			fields[n] = word;
		n++;
	}
	return n;
}

static int check_fields(int n, struct err *err)
{
	if (n <= EXPORT)
		return err_set(err, ST_USAGE,
			       "a device, a host and the name of an export are needed");
	if (n > MAX_FIELDS)
		return err_set(err, ST_USAGE,
			       "more than %d fields (options have commas between them, and no blanks)",
			       MAX_FIELDS);
	return 0;
}

static struct nbdtab_entry *new_entry(const char *line, unsigned int number)
{
	struct nbdtab_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->line = number;
	entry->text = strdup(line);
	if (entry->text)
		return entry;
	free(entry);
	return NULL;
}

static void set_wrong(struct nbdtab_entry *entry, const char *path,
		      const char *why)
{
	err_set(&entry->wrong, ST_USAGE, "%s, line %u: %s", path, entry->line,
		why);
}

/* Returns false for a line that has nothing in it. */
static bool parse_line(struct nbdtab_entry *entry, const char *path)
{
	char *fields[MAX_FIELDS] = { NULL };
	struct err why;
	int n;

	n = split(entry->text, fields);
	if (!n)
		return false;
	entry->wrong.status = ST_OK;
	if (take_device(entry, fields[DEVICE], &why) || check_fields(n, &why) ||
	    take_fields(entry, fields, &why))
		set_wrong(entry, path, why.text);
	return true;
}

/*
 * nbd-client takes the options of the first line of a device and the server of the
 * last: nobody can have meant that, and it is not for us to choose a disk.
 */
static void check_twice(struct nbdtab_entry *table, struct nbdtab_entry *last,
			const char *path)
{
	struct nbdtab_entry *first;
	char text[64];

	if (!last->args.o.has_device)
		return;
	first = nbdtab_find(table, last->args.o.device);
	if (first == last)
		return;
	snprintf(text, sizeof(text), "nbd%u is in line %u, too",
		 last->args.o.device, last->line);
	if (first->wrong.status == ST_OK)
		set_wrong(first, path, text);
	snprintf(text, sizeof(text), "nbd%u is in line %u already",
		 last->args.o.device, first->line);
	set_wrong(last, path, text);
}

static int read_lines(FILE *file, const char *path,
		      struct nbdtab_entry **table, struct err *err)
{
	struct nbdtab_entry **end = table, *entry;
	unsigned int number = 0;
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, file) >= 0) {
		entry = new_entry(line, ++number);
		if (!entry)
			break;
		if (!parse_line(entry, path)) {
			nbdtab_free(entry);
			continue;
		}
		*end = entry;
		check_twice(*table, entry, path);
		end = &entry->next;
	}
	free(line);
	if (!feof(file))
		return err_set(err, ST_FAILED, "cannot read %s: %s", path,
			       strerror(errno));
	return 0;
}

/**
 * nbdtab_read - read a table
 * @path: the file
 * @err: ST_OK on success, even if there is nothing in it or a line is wrong; else
 *	filled
 *
 * Return: its entries in their order, also those that are wrong, to be freed with
 * nbdtab_free(); NULL if there are none or on failure.
 */
struct nbdtab_entry *nbdtab_read(const char *path, struct err *err)
{
	struct nbdtab_entry *table = NULL;
	FILE *file = fopen(path, "re");

	err->status = ST_OK;
	if (!file) {
		err_set(err, errno == ENOENT ? ST_USAGE : ST_FAILED,
			"cannot open %s: %s", path, strerror(errno));
		return NULL;
	}
	if (read_lines(file, path, &table, err)) {
		nbdtab_free(table);
		table = NULL;
	}
	fclose(file);
	return table;
}

/**
 * nbdtab_find - the entry of a device
 * @table: the table
 * @device: the device
 *
 * Return: it, which may be wrong, or NULL when there is none.
 */
struct nbdtab_entry *nbdtab_find(struct nbdtab_entry *table, u32 device)
{
	while (table && !(table->args.o.has_device &&
			  table->args.o.device == device))
		table = table->next;
	return table;
}

/**
 * nbdtab_free - free a table
 * @table: the table, or NULL
 */
void nbdtab_free(struct nbdtab_entry *table)
{
	struct nbdtab_entry *next;

	for (; table; table = next) {
		next = table->next;
		free(table->text);
		free(table);
	}
}
