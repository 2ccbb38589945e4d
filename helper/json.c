// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "export.h"
#include "json.h"
#include "print.h"
#include "text.h"

/**
 * new_string - a string in JSON
 * @s: bytes, need not end in NUL, may hold any
 * @len: their number
 *
 * Text that is not UTF-8 is shown escaped: JSON has no other bytes.
 *
 * Return: the string, owned by the caller.
 */
struct json_object *new_string(const char *s, size_t len)
{
	char shown[4 * NBD_MAX_STRING + 8];

	if (text_is_utf8(s, len))
		return json_object_new_string_len(s, (int)len);
	return json_object_new_string(text_escape(shown, sizeof(shown), s,
						  len));
}

/**
 * add_string - add a string to an object
 * @o: the object
 * @key: its key
 * @s: the string, as for new_string()
 */
void add_string(struct json_object *o, const char *key, const char *s)
{
	json_object_object_add(o, key, new_string(s, strlen(s)));
}

/**
 * add_number - add a whole number to an object
 * @o: the object
 * @key: its key
 * @value: the number
 */
void add_number(struct json_object *o, const char *key, u64 value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

/**
 * add_bool - add true or false to an object
 * @o: the object
 * @key: its key
 * @value: which
 */
void add_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

/**
 * add_place - which device it is
 * @o: the object
 * @d: the device
 */
void add_place(struct json_object *o, const struct nl_device *d)
{
	char path[24];

	snprintf(path, sizeof(path), "/dev/nbd%u", d->index);
	add_string(o, "device", path);
	add_number(o, "index", d->index);
}

/**
 * add_use - what the device is connected to, and how well
 * @o: the object
 * @d: the device
 */
void add_use(struct json_object *o, const struct nl_device *d)
{
	add_string(o, "state", print_state(d->state));
	add_number(o, "connections_live", nl_live(d));
	add_number(o, "connections_total", d->nr_conns);
	add_string(o, "backend", d->backend ? d->backend : "");
}
