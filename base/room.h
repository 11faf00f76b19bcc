/*
 * room: whether there is memory left that nobody uses. Any thread.
 */
#ifndef BASE_ROOM_H
#define BASE_ROOM_H

#include <stdbool.h>

/*
 * room_is_short: whether what more goes into the page cache would soon push
 * out something else: of the machine's memory, or of the control group's that
 * is next to its limit, less than a 16th is free. A few small files are read.
 */
bool room_is_short(void);

struct cgroup_place;

/* room_is_short_in: the same of the control groups of place alone. */
bool room_is_short_in(const struct cgroup_place *place);

#endif
