/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all JSON output has in common. */
#ifndef NBDCTL_JSON_H
#define NBDCTL_JSON_H

#include <json-c/json.h>

#include "common.h"
#include "nl.h"

struct json_object *new_string(const char *s, size_t len);
void add_string(struct json_object *o, const char *key, const char *s);
void add_number(struct json_object *o, const char *key, u64 value);
void add_bool(struct json_object *o, const char *key, bool value);
void add_place(struct json_object *o, const struct nl_device *d);
void add_use(struct json_object *o, const struct nl_device *d);

#endif /* NBDCTL_JSON_H */
