/*
 * cgroup: what the control groups allow that this process is in, of either
 * version: the least of its own group and all above it, as far as they can be
 * seen from here. What the system does not tell is no limit. Any thread.
 */
#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H

#include <stdint.h>

/* Where the kernel tells of it. Paths, lent. */
struct cgroup_place {
    const char *self;  /* "/proc/self/cgroup" */
    const char *mount; /* "/sys/fs/cgroup" */
};

/* This process's. */
extern const struct cgroup_place cgroup_system;

/* cgroup_cores: cores' worth of time, rounded up, >= 1; UINT_MAX: no limit. */
unsigned cgroup_cores(const struct cgroup_place *p);

/*
 * cgroup_room: the memory of the group that is next to its limit.
 *   total  out: its limit in bytes; UINT64_MAX: there is none
 * Returns how many bytes of it are not in use; UINT64_MAX: no limit.
 */
uint64_t cgroup_room(const struct cgroup_place *p, uint64_t *total);

#endif
