/* inode_map: a pointer for each object of file systems that was met. Not for
 * two threads at once. */
#ifndef BASE_INODE_MAP_H
#define BASE_INODE_MAP_H

#include <stdint.h>

/* Zeroed: empty. */
struct inode_map {
    void *tree; /* of tsearch() */
};

/* inode_map_at: the pointer of that object, NULL at first; it stays where it is
 * until the release. Returns NULL when out of memory. */
void **inode_map_at(struct inode_map *m, uint64_t dev, uint64_t inode);

/* inode_map_find: what was put there; NULL: nothing. */
void *inode_map_find(const struct inode_map *m, uint64_t dev, uint64_t inode);

/* inode_map_release: empty again; drop is called for each pointer that is not
 * NULL. */
void inode_map_release(struct inode_map *m, void (*drop)(void *value));

#endif
