/*
 * json_out: JSON lines: one object a line, written as it comes, no tree in
 * memory. Each line begins with "v":1, the version of all our line formats,
 * and "type", which says what the line is about. RFC 8259; what steers a
 * terminal, or cannot be seen, is written as \uXXXX; names that are no UTF-8
 * get a twin: "name" with U+FFFD for what is not, and "name_b64" with
 * the exact bytes.
 *
 *     json_out_begin(j, "entry");
 *     json_out_bytes(j, "path", path);
 *     json_out_u64(j, "size", size);
 *     rc = json_out_end(j);
 *
 * Failure (a line too long, out of memory) is sticky until json_out_end().
 * Confined to one thread.
 */
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/entry.h"
#include "cli/out.h"

enum {
    JSON_OUT_VERSION = 1,
    JSON_OUT_DEPTH_MAX = 8,
    JSON_OUT_LINE_MAX = 16 << 20 /* bytes */
};

struct json_out {
    struct out *out; /* borrowed */
    struct buf line;
    char close[JSON_OUT_DEPTH_MAX]; /* of what is open: ']' or '}' */
    unsigned depth;
    bool first; /* nothing stands yet in what is innermost */
};

void json_out_init(struct json_out *j, struct out *out);
void json_out_release(struct json_out *j);

/* json_out_begin: a new line; the last one was ended. type is plain ASCII. */
void json_out_begin(struct json_out *j, const char *type);

/* json_out_end: closes the line and hands it to out, or drops it on failure.
 * Returns 0; E_LIMIT or E_NOMEM. A failed write shows in out_flush(). */
MUST_CHECK int json_out_end(struct json_out *j);

/* json_out_cancel: drop the line that was begun, however deep in it we are. */
void json_out_cancel(struct json_out *j);

/*
 * Members: key is plain ASCII; inside a list it is NULL.
 * json_out_bytes is for what others named: bytes that need not be UTF-8.
 * json_out_time is RFC 3339 in UTC with nine digits of the second.
 * json_out_hex is lower-case hex, for ids.
 */
void json_out_text(struct json_out *j, const char *key, const char *text);
void json_out_bytes(struct json_out *j, const char *key, struct bytes x);
void json_out_u64(struct json_out *j, const char *key, uint64_t v);
void json_out_i64(struct json_out *j, const char *key, int64_t v);
void json_out_bool(struct json_out *j, const char *key, bool v);
void json_out_null(struct json_out *j, const char *key);
void json_out_time(struct json_out *j, const char *key, struct entry_time t);
void json_out_hex(struct json_out *j, const char *key, struct bytes id);

/* Objects and lists inside a line, at most JSON_OUT_DEPTH_MAX deep; each is
 * closed with json_out_close(). */
void json_out_object(struct json_out *j, const char *key);
void json_out_list(struct json_out *j, const char *key);
void json_out_close(struct json_out *j);

#endif
