// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The output of top for programs. The keys are documented in nbdctl-top(8); they
 * are only ever added to.
 */
#include "json.h"
#include "print.h"
#include "text.h"
#include "top-print.h"

static const char * const kinds[TOP_KINDS] = {
	[TOP_READ]	= "reads",
	[TOP_WRITE]	= "writes",
	[TOP_TRIM]	= "trims",
	[TOP_FLUSH]	= "flushes",
};

/* As many places as mean something. */
static void add_double(struct json_object *o, const char *key, double value,
		       int places)
{
	char text[400];

	snprintf(text, sizeof(text), "%.*f", places, value);
	json_object_object_add(o, key, json_object_new_double_s(value, text));
}

/* Null when it is not known. */
static void add_rate(struct json_object *o, const char *key, bool known,
		     double value)
{
	if (known)
		add_double(o, key, value, 3);
	else
		json_object_object_add(o, key, NULL);
}

static void add_rates(struct json_object *o, bool known,
		      const struct top_rates *r)
{
	add_rate(o, "requests_per_second", known, r->requests);
	add_rate(o, "bytes_read_per_second", known, r->bytes_read);
	add_rate(o, "bytes_written_per_second", known, r->bytes_written);
	add_rate(o, "errors_per_second", known, r->errors);
}

static void add_parts(struct json_object *o, const struct latency *l, int kind)
{
	static const char * const keys[LATENCY_PARTS] = {
		[LATENCY_50]	= "p50_ms",
		[LATENCY_99]	= "p99_ms",
		[LATENCY_999]	= "p999_ms",
	};
	int i;

	for (i = 0; i < LATENCY_PARTS; i++)
		add_rate(o, keys[i], l->any[kind], l->ms[kind][i]);
}

static struct json_object *new_conn(const struct top_device *t, size_t i)
{
	struct json_object *o = json_object_new_object();
	const struct nl_conn *c = &t->device->conns[i];
	struct json_object *part;
	int kind;

	add_number(o, "index", c->index);
	add_string(o, "state", print_conn_state(c->state));
	add_number(o, "state_ms", c->since);
	add_number(o, "generation", c->generation);
	add_string(o, "peer", c->peer);
	add_number(o, "in_flight", c->in_flight);
	add_number(o, "errors", c->errors);
	add_rates(o, t->known, &t->conns[i]);
	for (kind = 0; kind < TOP_KINDS; kind++) {
		part = json_object_new_object();
		add_parts(part, &t->conn_latency[i], kind);
		json_object_object_add(o, kinds[kind], part);
	}
	return o;
}

static void add_kinds(struct json_object *o, const struct top_device *t)
{
	struct json_object *kind;
	bool any;
	int i;

	for (i = 0; i < TOP_KINDS; i++) {
		any = t->kinds_known && t->kinds[i].requests > 0;
		kind = json_object_new_object();
		add_rate(kind, "per_second", t->kinds_known,
			 t->kinds[i].requests);
		add_rate(kind, "average_ms", any, t->kinds[i].ms);
		add_parts(kind, &t->latency, i);
		json_object_object_add(o, kinds[i], kind);
	}
}

static struct json_object *new_device(const struct top_device *t)
{
	struct json_object *o = json_object_new_object();
	struct json_object *conns = json_object_new_array();
	const struct nl_device *d = t->device;
	size_t i;

	add_place(o, d);
	add_use(o, d);
	add_number(o, "in_flight", t->in_flight);
	add_number(o, "parked", d->parked);
	add_number(o, "errors", t->errors);
	add_rates(o, t->known, &t->rates);
	add_kinds(o, t);
	for (i = 0; i < d->nr_conns; i++)
		json_object_array_add(conns, new_conn(t, i));
	json_object_object_add(o, "connections", conns);
	return o;
}

/**
 * top_print_json - print devices and their connections as a line of JSON
 * @out: where to
 * @top: the devices
 * @time: seconds since 1970
 */
void top_print_json(FILE *out, const struct top *top, double time)
{
	struct json_object *root = json_object_new_object();
	struct json_object *array = json_object_new_array();
	int how = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
	size_t i;

	add_double(root, "time", time, 3);
	add_double(root, "seconds", top->seconds, 6);
	for (i = 0; i < top->n; i++)
		json_object_array_add(array, new_device(&top->devices[i]));
	json_object_object_add(root, "devices", array);
	text_print_json(out, json_object_to_json_string_ext(root, how));
	putc('\n', out);
	json_object_put(root);
}
