// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Output for programs. The keys are documented in nbdctl(8); they are only
 * ever added to.
 */
#include <stdio.h>
#include <string.h>

#include <linux/nbd-netlink.h>

#include "device.h"
#include "json.h"
#include "persist.h"
#include "run-dir.h"
#include "print.h"
#include "text.h"

static struct json_object *info;	/* between info_begin and info_end */

static void add_maximum(struct json_object *o, const char *key, u32 value)
{
	if (value == NBD_NO_MAXIMUM)
		json_object_object_add(o, key, NULL);
	else
		add_number(o, key, value);
}

static void add_flags(struct json_object *o, u64 flags)
{
	struct json_object *names = json_object_new_array();
	const struct export_flag *f;

	for (f = export_flags; f->name; f++)
		if (flags & f->bit)
			json_object_array_add(names,
					      json_object_new_string(f->name));
	json_object_object_add(o, "flags", names);
}

static void print_and_free(struct json_object *o)
{
	const int how = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			JSON_C_TO_STRING_NOSLASHESCAPE;

	text_print_json(stdout, json_object_to_json_string_ext(o, how));
	putchar('\n');
	json_object_put(o);
}

static void add_summary(struct json_object *o, const struct nl_device *d)
{
	add_place(o, d);
	add_number(o, "size", d->size);
	add_use(o, d);
}

static struct json_object *new_conn(const struct nl_conn *c)
{
	struct json_object *o = json_object_new_object();

	add_number(o, "index", c->index);
	add_string(o, "state", print_conn_state(c->state));
	add_number(o, "state_ms", c->since);
	add_number(o, "generation", c->generation);
	add_string(o, "peer", c->peer);
	add_number(o, "in_flight", c->in_flight);
	add_number(o, "requests", c->requests);
	add_number(o, "bytes_read", c->bytes_read);
	add_number(o, "bytes_written", c->bytes_written);
	add_number(o, "errors", c->errors);
	add_number(o, "failures", c->failures);
	json_object_object_add(o, "last_error",
			       json_object_new_int(c->last_error));
	return o;
}

/* NULL when only root may know. */
static struct json_object *new_alternates(const struct nl_device *d)
{
	struct json_object *array;
	struct state_attach s;
	size_t i;

	if (d->attach_flags & NBD_ATTACH_PERSIST && run_dir_hidden())
		return NULL;
	array = json_object_new_array();
	if (!persist_read(d, &s))
		return array;
	for (i = 0; i < s.n; i++)
		json_object_array_add(array, new_string(s.alternates[i],
							strlen(s.alternates[i])));
	state_free_attach(&s);
	return array;
}

static struct json_object *new_reconnect(const struct nl_device *d)
{
	struct json_object *o;
	struct state_tries s;

	if (!tries_read(d, &s))
		return NULL;
	o = json_object_new_object();
	add_number(o, "tries", s.tries);
	add_number(o, "last_try_ms", tries_now() - s.last);
	add_string(o, "last_error", s.error);
	state_free_tries(&s);
	return o;
}

static struct json_object *new_device(const struct nl_device *d)
{
	struct json_object *o = json_object_new_object();
	struct json_object *conns = json_object_new_array();
	size_t i;
	u64 wbt;

	add_summary(o, d);
	json_object_object_add(o, "moved_to", d->moved_to ?
			       new_string(d->moved_to, strlen(d->moved_to)) :
			       NULL);
	add_number(o, "block_size", d->block_size);
	add_number(o, "block_preferred", d->preferred);
	add_maximum(o, "payload_max", d->payload_max);
	add_number(o, "max_request", d->max_request);
	add_number(o, "read_ahead", d->read_ahead);
	json_object_object_add(o, "wbt_lat_usec",
			       device_wbt(d->index, &wbt) ?
			       json_object_new_uint64(wbt) : NULL);
	add_flags(o, d->server_flags);
	add_number(o, "client_flags", d->client_flags);
	add_number(o, "timeout", d->timeout);
	add_number(o, "dead_timeout", d->dead_timeout);
	add_number(o, "fence", d->fence);
	add_bool(o, "partscan", !(d->attach_flags & NBD_ATTACH_NO_PARTSCAN));
	add_bool(o, "force_multi_conn",
		 d->attach_flags & NBD_ATTACH_FORCE_MULTI_CONN);
	add_bool(o, "no_optgo", d->attach_flags & NBD_ATTACH_NO_OPTGO);
	add_string(o, "zeroes", print_zeroes(d->zeroes));
	add_number(o, "queue_depth", d->queue_depth);
	add_number(o, "hw_queues", d->hw_queues);
	add_number(o, "tags", d->tags);
	add_number(o, "openers", d->openers);
	add_number(o, "parked", d->parked);
	add_string(o, "on_restart",
		   d->attach_flags & NBD_ATTACH_LOSS_FAILS ? "error" : "trust");
	add_number(o, "losses", d->losses);
	add_bool(o, "persist", d->attach_flags & NBD_ATTACH_PERSIST);
	json_object_object_add(o, "alternates", new_alternates(d));
	json_object_object_add(o, "reconnect", new_reconnect(d));
	add_number(o, "pid", d->pid);
	for (i = 0; i < d->nr_conns; i++)
		json_object_array_add(conns, new_conn(&d->conns[i]));
	json_object_object_add(o, "connections", conns);
	return o;
}

static void json_list(const struct nl_devices *devices)
{
	struct json_object *root = json_object_new_object();
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < devices->n; i++) {
		struct json_object *o = json_object_new_object();

		add_summary(o, &devices->d[i]);
		json_object_array_add(array, o);
	}
	json_object_object_add(root, "devices", array);
	print_and_free(root);
}

static void json_status(const struct nl_devices *devices)
{
	struct json_object *root = json_object_new_object();
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < devices->n; i++)
		json_object_array_add(array, new_device(&devices->d[i]));
	json_object_object_add(root, "devices", array);
	print_and_free(root);
}

static void json_info_begin(const char *uri)
{
	info = json_object_new_object();
	add_string(info, "uri", uri);
	json_object_object_add(info, "exports", json_object_new_array());
}

static struct json_object *new_block_size(const struct export *e)
{
	struct json_object *o;

	if (!e->has_block)
		return NULL;
	o = json_object_new_object();
	add_number(o, "minimum", e->minimum);
	add_number(o, "preferred", e->preferred);
	add_maximum(o, "maximum", e->maximum);
	return o;
}

static void json_info_export(const struct offer *offer)
{
	struct json_object *o = json_object_new_object();
	const struct export *e = offer->export;
	struct json_object *array;

	json_object_object_add(o, "name",
			       new_string(offer->name, offer->name_len));
	if (e->description_len)
		json_object_object_add(o, "description",
				       new_string(e->description,
						  e->description_len));
	if (offer->known) {
		add_number(o, "size", e->size);
		add_flags(o, e->flags);
		json_object_object_add(o, "block_size", new_block_size(e));
	}
	json_object_object_get_ex(info, "exports", &array);
	json_object_array_add(array, o);
}

static void json_info_end(void)
{
	print_and_free(info);
	info = NULL;
}

const struct print_ops print_json = {
	.list		= json_list,
	.status		= json_status,
	.info_begin	= json_info_begin,
	.info_export	= json_info_export,
	.info_end	= json_info_end,
};
