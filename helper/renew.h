/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking the server of an attached device again. */
#ifndef NBDCTL_RENEW_H
#define NBDCTL_RENEW_H

#include "attach.h"

int renew_options(const struct nl_device *d, struct attach_options *o,
		  struct err *err);
int renew_negotiate(const struct attach_options *o, struct session *s,
		    struct err *err);
int renew_check(const struct nl_device *d, const char *server,
		const struct export *e, struct err *err);
int renew_check_flags(const struct nl_device *d, const char *server,
		      const struct export *e, struct err *err);
int renew_hand_over(struct nl *nl, struct session *s, const struct nl_device *d,
		    struct nl_change *change, const char *what, struct err *err);

#endif /* NBDCTL_RENEW_H */
