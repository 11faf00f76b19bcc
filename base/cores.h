/*
 * cores: how many of the machine's cores this process may keep busy: those of
 * its affinity mask, as far as the quota of its control groups reaches, and no
 * more than the user wants. Any thread.
 */
#ifndef BASE_CORES_H
#define BASE_CORES_H

/* cores_count: >= 1. Mask and quota are found out once. */
unsigned cores_count(void);

/* cores_cap: cores_count() answers n at most from now on; 0: no cap. Threads
 * that were started before stay. */
void cores_cap(unsigned n);

#endif
