// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <string.h>

#include "args.h"
#include "nbdctl.h"
#include "print.h"
#include "session.h"
#include "uri.h"

enum { OPT_CONNECT_TIMEOUT = 256 };

static const struct option options[] = {
	{ "list",		no_argument,	   NULL, 'l' },
	{ "json",		no_argument,	   NULL, 'j' },
	{ "name",		required_argument, NULL, 'N' },
	{ "connect-timeout",	required_argument, NULL, OPT_CONNECT_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: nbdctl info [OPTION...] URI\n\n"
	"Ask a server about an export: size, flags, block sizes, description. Neither\n"
	"root nor the kernel module is needed.\n\n"
	"  -l, --list                all exports that the server lists\n"
	"  -j, --json                the same for programs\n"
	"  -N, --name EXPORT         the export, instead of the one in URI\n"
	"      --connect-timeout SEC time for all handshakes together (default 10)\n\n"
	"Exit statuses: see nbdctl --help.\n";

struct info {
	struct uri uri;
	bool list;
	const struct print_ops *print;
	u64 seconds;
	s64 deadline;
};

static const struct neg_request *request_for(struct neg_request *request,
					     enum neg_op op, const char *name,
					     size_t name_len)
{
	request->op = op;
	request->name = name;
	request->name_len = name_len;
	request->describe = true;
	return request;
}

/* Connect once and let the first operation end well. */
static int begin(struct session *s, const struct info *info,
		 const struct neg_request *request, struct err *err)
{
	struct link *link;

	if (session_open(s, &info->uri, NULL, 1, info->deadline, request, err))
		return -1;
	session_run(s);
	link = &s->links[0];
	if (link->state == LINK_FAILED)
		*err = link->err;
	else if (link->neg.refusal)
		*err = link->neg.err;
	else
		return 0;
	return -1;
}

static void print_begin(const struct info *info)
{
	static char uri[URI_MAX_FORMAT];

	info->print->info_begin(uri_format(&info->uri, uri, sizeof(uri)));
}

static void print_offer(const struct info *info, const char *name,
			size_t name_len, bool known, const struct export *e)
{
	const struct offer offer = { name, name_len, known, e };

	info->print->info_export(&offer);
}

static int info_one(const struct info *info, struct err *err)
{
	const char *name = info->uri.export;
	struct neg_request request;
	struct session s;
	int ret;

	ret = begin(&s, info, request_for(&request, NEG_GO, name,
					  strlen(name)), err);
	if (!ret) {
		print_begin(info);
		print_offer(info, name, strlen(name), true,
			    &s.links[0].neg.export);
		info->print->info_end();
	}
	session_close(&s);
	return ret;
}

/* By a connection of its own: what INFO did not tell, GO may. */
static bool try_go(const struct info *info, const struct neg_entry *entry,
		   struct export *e)
{
	struct neg_request request;
	struct err ignored;
	struct session s;
	bool known;

	known = !begin(&s, info, request_for(&request, NEG_GO, entry->name,
					     entry->name_len), &ignored);
	if (known)
		*e = s.links[0].neg.export;
	session_close(&s);
	return known;
}

static int info_entry(const struct info *info, struct session *s,
		      const struct neg_entry *entry, struct err *err)
{
	struct negotiate *neg = &s->links[0].neg;
	struct neg_request request;
	struct export e;
	bool known;

	if (session_ask(s, request_for(&request, NEG_INFO, entry->name,
				       entry->name_len), err))
		return -1;
	e = neg->export;
	known = !neg->refusal;
	if (neg->refusal == NBD_ERR_UNSUP || (known && !e.size))
		known = try_go(info, entry, &e) || known;
	if (!e.description_len) {
		memcpy(e.description, entry->description,
		       entry->description_len);
		e.description_len = entry->description_len;
	}
	print_offer(info, entry->name, entry->name_len, known, &e);
	return 0;
}

static int info_list(const struct info *info, struct err *err)
{
	struct neg_request request;
	struct session s;
	size_t i;
	int ret;

	ret = begin(&s, info, request_for(&request, NEG_LIST, "", 0), err);
	if (!ret)
		print_begin(info);
	for (i = 0; !ret && i < s.links[0].neg.nr_entries; i++)
		ret = info_entry(info, &s, &s.links[0].neg.entries[i], err);
	if (!ret)
		info->print->info_end();
	session_close(&s);
	return ret;
}

static int one_option(int c, struct info *info, const char **name,
		      struct err *err)
{
	switch (c) {
	case 'l':
		info->list = true;
		return 0;
	case 'j':
		info->print = &print_json;
		return 0;
	case 'N':
		*name = optarg;
		return 0;
	case OPT_CONNECT_TIMEOUT:
		return args_number_option("--connect-timeout", optarg, 1,
					  86400, &info->seconds, err);
	default:
		return -1;
	}
}

static int run(int argc, char **argv, struct err *err)
{
	static struct info info = { .print = &print_text, .seconds = 10 };
	const char *name = NULL;
	int c;

	while ((c = next_option(argc, argv, ":ljN:", options, err)) !=
	       OPTION_END)
		if (one_option(c, &info, &name, err))
			return -1;
	if (argc - optind != 1)
		return err_set(err, ST_USAGE, "info: give one URI");
	if (uri_parse(&info.uri, argv[optind], err))
		return -1;
	if (name && uri_set_export(&info.uri, name, err))
		return -1;
	if (info.uri.tls)
		return err_set(err, ST_FAILED, "%s: TLS is not supported yet",
			       argv[optind]);
	info.deadline = deadline_in((s64)info.seconds * 1000);
	return info.list ? info_list(&info, err) : info_one(&info, err);
}

const struct verb verb_info = {
	.name		= "info",
	.summary	= "ask a server about its exports",
	.help		= help,
	.run		= run,
};
