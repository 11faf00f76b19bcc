#include "base/cores.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/cgroup.h"

static atomic_uint cores_found; /* 0: not yet */
static atomic_uint cores_most;  /* 0: no cap */

static unsigned cores_online(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : (unsigned)n;
}

/* A machine with more cores than a cpu_set_t has bits refuses the question. */
static unsigned cores_of_mask(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) < 0 || CPU_COUNT(&set) < 1)
        return cores_online();
    return (unsigned)CPU_COUNT(&set);
}

unsigned cores_count(void)
{
    unsigned n = atomic_load(&cores_found);
    unsigned most = atomic_load(&cores_most);

    if (n == 0) {
        unsigned quota = cgroup_cores(&cgroup_system);

        n = cores_of_mask();
        n = quota < n ? quota : n;
        /* threads that come here together find the same */
        atomic_store(&cores_found, n);
    }
    return most > 0 && most < n ? most : n;
}

void cores_cap(unsigned n)
{
    atomic_store(&cores_most, n);
}
