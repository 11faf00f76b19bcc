/*
 * sheet_file: where a recovery sheet goes: a file that must not exist, or
 * standard output; and from where it comes back. The file is made before
 * anything is done for the sheet, so that nothing is done in vain.
 * Confined to the main thread.
 */
#ifndef CLI_SHEET_FILE_H
#define CLI_SHEET_FILE_H

#include "cli/sheet_page.h"

/* More than any sheet takes, in any form. */
enum { SHEET_FILE_BYTES_MAX = 1 << 20 };

/* A zeroed one is closed. */
struct sheet_file {
    const char *path; /* borrowed; NULL: closed */
    int fd;           /* -1: standard output */
};

/*
 * sheet_file_open: make the file.
 *   path   ends in .svg or .pdf: a picture; else text. "-": standard output,
 *          as text
 *   place  the repository, which must not hold its own keys; need not exist
 *   json   standard output is for something else
 * Returns 0; E_USAGE: it is there, cannot be made, or standard output is a
 * terminal or for something else; E_REFUSED: it is in the repository; E_NOMEM;
 * E_IO.
 */
MUST_CHECK int sheet_file_open(struct sheet_file *f, const char *path,
                               const char *place, bool json);

/* sheet_file_write: the page; durable. Returns 0; E_LIMIT: an .svg has one
 * page; E_NOMEM; E_IO. */
MUST_CHECK int sheet_file_write(struct sheet_file *f,
                                const struct sheet_page *p);

/* sheet_file_close: with rc, raised, below 0: remove the file. Closed is fine.
 * Returns rc. */
MUST_CHECK int sheet_file_close(struct sheet_file *f, int rc);

/*
 * sheet_file_read: the lines in a file of any form, or on standard input.
 *   path  "-": standard input
 *   s     of sheet_new(); out: its lines
 * Returns 0; E_USAGE: it cannot be read; E_KEY: no recovery sheet; E_NOMEM.
 */
MUST_CHECK int sheet_file_read(const char *path, struct sheet *s);

#endif
