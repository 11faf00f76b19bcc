/* address_space: what tests need that limit their own. */
#ifndef TESTS_SUPPORT_ADDRESS_SPACE_H
#define TESTS_SUPPORT_ADDRESS_SPACE_H

#include <stdbool.h>
#include <sys/resource.h>

/* address_space_has_bounds: not under a sanitizer, whose own is without. */
bool address_space_has_bounds(void);

/* address_space_now: bytes that the process has mapped. */
rlim_t address_space_now(void);

#endif
