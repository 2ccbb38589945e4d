// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <linux/nbd-netlink.h>

#include "state.h"

static void add_string(struct json_object *o, const char *key, const char *s)
{
	json_object_object_add(o, key, s ? json_object_new_string(s) : NULL);
}

static void add_number(struct json_object *o, const char *key, u64 value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

static bool get_string(struct json_object *o, const char *key, char **s)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return false;
	*s = strdup(json_object_get_string(value));
	return *s;
}

static bool get_number(struct json_object *o, const char *key, u64 most,
		       u64 *number)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, key, &value) ||
	    !json_object_is_type(value, json_type_int) ||
	    json_object_get_int64(value) < 0)
		return false;
	*number = json_object_get_uint64(value);
	return *number <= most;
}

static bool get_id(struct json_object *o, char **backend, u32 *pid, u32 *serial)
{
	u64 number;

	if (!get_number(o, "pid", UINT32_MAX, &number))
		return false;
	*pid = (u32)number;
	/* An older nbdctl left none. */
	if (json_object_object_get_ex(o, "serial", NULL)) {
		if (!get_number(o, "serial", UINT32_MAX, &number))
			return false;
		*serial = (u32)number;
	}
	return get_string(o, "backend", backend);
}

static struct json_object *new_state(const char *backend, u32 pid, u32 serial)
{
	struct json_object *o = json_object_new_object();

	add_string(o, "backend", backend);
	add_number(o, "pid", pid);
	if (serial)
		add_number(o, "serial", serial);
	return o;
}

/* The text of @o, which is freed. */
static char *finish(struct json_object *o)
{
	const char *text;
	char *copy;

	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
					      JSON_C_TO_STRING_SPACED |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	copy = text ? strdup(text) : NULL;
	json_object_put(o);
	return copy;
}

/**
 * state_write_attach - what attach leaves, as text
 * @s: what it leaves
 *
 * Return: the text, to be freed, or NULL when memory ran out.
 */
char *state_write_attach(const struct state_attach *s)
{
	struct json_object *o = new_state(s->backend, s->pid, s->serial);
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < s->n; i++)
		json_object_array_add(list,
				      json_object_new_string(s->alternates[i]));
	json_object_object_add(o, "alternates", list);
	return finish(o);
}

static bool get_alternates(struct json_object *o, struct state_attach *s)
{
	struct json_object *list, *item;
	size_t i, n;

	if (!json_object_object_get_ex(o, "alternates", &list) ||
	    !json_object_is_type(list, json_type_array))
		return false;
	n = json_object_array_length(list);
	if (n > STATE_ALTERNATES)
		return false;
	for (i = 0; i < n; i++) {
		item = json_object_array_get_idx(list, i);
		if (!json_object_is_type(item, json_type_string))
			return false;
		s->alternates[i] = strdup(json_object_get_string(item));
		if (!s->alternates[i])
			return false;
		s->n++;
	}
	return true;
}

/**
 * state_read_attach - the opposite of state_write_attach()
 * @s: result; empty when there is none
 * @text: the text
 *
 * Return: whether @text is one; then state_free_attach() @s.
 */
bool state_read_attach(struct state_attach *s, const char *text)
{
	struct json_object *o = json_tokener_parse(text);
	bool read;

	memset(s, 0, sizeof(*s));
	read = json_object_is_type(o, json_type_object) &&
	       get_id(o, &s->backend, &s->pid, &s->serial) &&
	       get_alternates(o, s);
	json_object_put(o);
	if (!read)
		state_free_attach(s);
	return read;
}

/**
 * state_free_attach - free the strings and forget them
 * @s: the state
 */
void state_free_attach(struct state_attach *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->alternates[i]);
	free(s->backend);
	memset(s, 0, sizeof(*s));
}

/**
 * state_write_tries - how far the monitor is, as text
 * @s: how far it is
 *
 * Return: the text, to be freed, or NULL when memory ran out.
 */
char *state_write_tries(const struct state_tries *s)
{
	struct json_object *o = new_state(s->backend, s->pid, s->serial);

	add_number(o, "tries", s->tries);
	add_number(o, "lost_ms", s->lost);
	add_number(o, "last_try_ms", s->last);
	add_string(o, "last_error", s->error);
	return finish(o);
}

/**
 * state_read_tries - the opposite of state_write_tries()
 * @s: result; empty when there is none
 * @text: the text
 *
 * Return: whether @text is one; then state_free_tries() @s.
 */
bool state_read_tries(struct state_tries *s, const char *text)
{
	struct json_object *o = json_tokener_parse(text);
	bool read;

	memset(s, 0, sizeof(*s));
	read = json_object_is_type(o, json_type_object) &&
	       get_id(o, &s->backend, &s->pid, &s->serial) &&
	       get_number(o, "tries", UINT64_MAX, &s->tries) &&
	       get_number(o, "lost_ms", UINT64_MAX, &s->lost) &&
	       get_number(o, "last_try_ms", UINT64_MAX, &s->last) &&
	       get_string(o, "last_error", &s->error);
	json_object_put(o);
	if (!read)
		state_free_tries(s);
	return read;
}

/**
 * state_free_tries - free the strings and forget them
 * @s: the state
 */
void state_free_tries(struct state_tries *s)
{
	free(s->backend);
	free(s->error);
	memset(s, 0, sizeof(*s));
}

/**
 * state_is_of - whether something is kept about this attachment
 * @backend: the backend that it was written for
 * @pid: the process that attached
 * @serial: of the attachment, 0 if that was not known
 * @d: the device as it is
 *
 * Return: false when it is a relic, or the device is not for the monitor.
 */
bool state_is_of(const char *backend, u32 pid, u32 serial,
		 const struct nl_device *d)
{
	if (d->state != NBD_STATE_LIVE && d->state != NBD_STATE_PARKED &&
	    d->state != NBD_STATE_DEAD)
		return false;
	return d->attach_flags & NBD_ATTACH_PERSIST && d->pid == pid &&
	       nl_is_meant(d, serial) && d->backend && !strcmp(d->backend, backend);
}
