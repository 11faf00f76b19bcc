/* open_fds: for tests of what leaves descriptors open. */
#ifndef TESTS_SUPPORT_OPEN_FDS_H
#define TESTS_SUPPORT_OPEN_FDS_H

#include <stddef.h>

/* open_fds: how many descriptors below 1024 this process has open. */
size_t open_fds(void);

#endif
