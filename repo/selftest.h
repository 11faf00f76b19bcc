/*
 * selftest: known answers, computed anew at the start of every command that
 * reads or writes a repository: a machine or a build that gets BLAKE3, SipHash,
 * a cipher, a signature or zstd wrong must not touch data. Below 5 ms.
 */
#ifndef REPO_SELFTEST_H
#define REPO_SELFTEST_H

#include "base/err.h"

/* selftest_run: calls crypto_init(). Returns 0; E_INTERNAL, naming what is
 * wrong; E_NOMEM. */
MUST_CHECK int selftest_run(void);

#endif
