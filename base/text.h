/*
 * text: what people read. The one way for a name from a disk or a repository
 * to a terminal or log line, sizes and times for people, and numbers that
 * people typed. Pure; any thread.
 *
 * Escaped names. Printable UTF-8 stands for itself. All else is escaped, so
 * that a name is one line, cannot steer a terminal, and two different names
 * never look the same because of something invisible:
 *   backslash                           \\
 *   tab, newline, carriage return       \t \n \r
 *   other C0 controls, DEL              \xHH
 *   bytes that are not UTF-8            \xHH (a byte from 80 on)
 *   C1 controls, line and paragraph separators, bidirectional controls,
 *   noncharacters, and all that Unicode calls default-ignorable: soft hyphen,
 *   zero-width space and joiners, word joiner, BOM, fillers, variation
 *   selectors, tags                     \u{HEX}
 * The price: joined emoji and some Persian or Indic names show escapes. The
 * result can be read back: no two names have one escaped form.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

#define TEXT_UNIT_MAX 12

/* The piece of an escaped name that one code point or byte becomes. */
struct text_unit {
    size_t used;    /* bytes of the name: 1..4 */
    size_t n;       /* chars in s: 1..TEXT_UNIT_MAX, no NUL after them */
    size_t columns; /* on a terminal: 0 for combining marks, 2 for wide ones */
    char s[TEXT_UNIT_MAX];
};

/*
 * text_utf8: decode the code point at the start of in.
 *   cp  out: the code point; set on success only
 * Returns its length 1..4; 0 when in is empty or begins with something else:
 * a lone or missing continuation, an overlong form, a surrogate, above 10FFFF.
 */
size_t text_utf8(struct bytes in, uint32_t *cp);

/* text_is_utf8: whether all of x is, by that. */
bool text_is_utf8(struct bytes x);

/*
 * text_columns: columns of a printable code point: 0, 1 or 2. An
 * approximation by blocks of Unicode 15; where it errs it says too many, so
 * that a line gets shorter, not longer, than the terminal.
 */
size_t text_columns(uint32_t cp);

/* text_next: the escaped form of what name (not empty) begins with. For
 * printers into fixed buffers; others use text_escape. */
void text_next(struct bytes name, struct text_unit *out);

/* text_escape: append name, escaped, to out (see buf_status). */
void text_escape(struct buf *out, struct bytes name);

/*
 * text_escape_cut: as text_escape, in at most columns columns: of a longer
 * name the middle gives way to an ellipsis. Escapes are kept whole. columns
 * may be 0 (appends nothing).
 */
void text_escape_cut(struct buf *out, struct bytes name, size_t columns);

/* text_size: append "999 B", "1.4 GB", "142 MB": powers of 1000, rounded. */
void text_size(struct buf *out, uint64_t bytes);

/* text_duration: append "350 ms", "3.4 s", "34 s", "3 min 5 s", "2 h 13 min",
 * "3 d 4 h": two units at most, the second one cut off, not rounded. */
void text_duration(struct buf *out, uint64_t ns);

/*
 * text_parse_uint: a decimal number, digits only, min..max.
 * Returns 0; E_USAGE, quoting text (out unchanged).
 */
MUST_CHECK int text_parse_uint(const char *text, uint64_t min, uint64_t max,
                               uint64_t *out);

/*
 * text_parse_size: bytes, min..max: digits, then nothing or B for bytes, K M G
 * T P E or KiB MiB ... for powers of 1024, kB (or KB) MB ... for powers of
 * 1000. Letters in either case; no space, sign or fraction.
 * Returns 0; E_USAGE, quoting text (out unchanged).
 */
MUST_CHECK int text_parse_size(const char *text, uint64_t min, uint64_t max,
                               uint64_t *out);

/*
 * text_parse_duration: seconds, min..max: one or more of digits followed by
 * w, d, h, m or s, in that order, each at most once: "90s", "1d12h".
 * Returns 0; E_USAGE, quoting text (out unchanged).
 */
MUST_CHECK int text_parse_duration(const char *text, uint64_t min, uint64_t max,
                                   uint64_t *out);

#endif
