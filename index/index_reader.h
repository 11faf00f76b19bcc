/* index_reader: the inside of a reader, for the files of index/ that read other
 * tables. Confined to one thread. */
#ifndef INDEX_INDEX_READER_H
#define INDEX_INDEX_READER_H

#include "index/index_lmdb.h"

/* index_reader_txn: what it reads through, until it is renewed or paused.
 * Returns as index_reader_new(). */
MUST_CHECK int index_reader_txn(struct index_reader *r, const struct index **ix,
                                MDB_txn **txn);

#endif
