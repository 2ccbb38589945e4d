/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network namespaces: which server an address belongs to depends on them. */
#ifndef NBDCTL_NETNS_H
#define NBDCTL_NETNS_H

#include "common.h"
#include "uri.h"

void netns_tell(int fd);
bool netns_is_monitors(void);
bool netns_matters(const struct uri *uri);
int netns_visit_first(void);
int netns_return(int home);

#endif /* NBDCTL_NETNS_H */
