/*
 * out: the door to standard output, where data goes. Buffered; the first
 * failure sticks and is told by out_flush(), so that a full disk or a closed
 * pipe behind us never passes for success.
 * One thread at a time.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

#define OUT_BUFFER_BYTES 65536

struct out {
    int fd;     /* borrowed */
    int errnum; /* of the first write that failed; 0: none */
    size_t n;
    uint8_t buffer[OUT_BUFFER_BYTES];
};

/* out_init: begin to write to fd, which stays the caller's. */
void out_init(struct out *o, int fd);

/* out_add: append bytes; after a failure this does nothing. */
void out_add(struct out *o, struct bytes x);

/* out_text: append a string that needs no escaping. */
void out_text(struct out *o, const char *text);

/* out_failed: whether a write has failed; ask now and then in long outputs. */
bool out_failed(const struct out *o);

/* out_reader_left: whether it failed because nobody reads on (EPIPE): an exit
 * code, but no message, is due. */
bool out_reader_left(const struct out *o);

/* out_flush: write what is buffered. Returns 0 or E_IO, also for any earlier
 * failure. */
MUST_CHECK int out_flush(struct out *o);

#endif
