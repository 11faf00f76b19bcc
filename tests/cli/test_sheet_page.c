/* The printed forms of a recovery sheet. That QR codes can be scanned is
 * case_sheet.sh's business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fileop.h"
#include "cli/sheet_file.h"
#include "cli/sheet_layout.h"
#include "cli/sheet_pdf.h"
#include "cli/sheet_plain.h"
#include "cli/sheet_svg.h"
#include "repo/recovery.h"
#include "tests/support/scratch.h"

enum { FORMS = 3 };

static struct sheet *sheet;
static struct sheet_page page;
static struct secret drawn;

/* A page with the sheet of a repository that has n epochs of keys. */
static void make(size_t n)
{
    struct recovery *r = recovery_new();
    struct crypto_signer signer;
    struct secret content;

    assert_non_null(r);
    memset(r, 7, sizeof *r);
    crypto_signer_load(&r->seed, &signer, &r->founder);
    r->chunk_bytes = 65536;
    r->level = 3;
    r->created = (struct entry_time){1700000000, 123456789};
    r->root_n = n;
    r->log_number = 42;
    assert_int_equal(secret_init(&content, RECOVERY_BYTES_MAX), 0);
    assert_int_equal(recovery_put(r, &content), 0);
    sheet_free(sheet);
    sheet = sheet_new();
    assert_non_null(sheet);
    sheet_set(sheet, secret_bytes(&content));
    page = (struct sheet_page){.sheet = sheet,
                               .repo = r->repo,
                               .place = "/backup/srv",
                               .host = "srv",
                               .now = {1800000000, 0},
                               .log_number = 42,
                               .epoch_n = n};
    secret_release(&content);
    recovery_free(r);
}

static int draw(int form)
{
    struct sheet_ink ink = {.out = &drawn};
    int rc = 0;

    secret_wipe(&drawn);
    if (form == 0)
        sheet_plain_draw(&page, &ink);
    else
        rc = form == 1 ? sheet_svg_draw(&page, &ink)
                       : sheet_pdf_draw(&page, &ink);
    return rc < 0 ? rc : sheet_ink_status(&ink);
}

static void test_sheet_page__every_form_is_read_back(void **state)
{
    static const size_t epochs[] = {1, 2, 5, 6, 100, RECOVERY_EPOCHS_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof epochs / sizeof epochs[0]; i++) {
        make(epochs[i]);
        for (int form = 0; form < FORMS; form++) {
            struct sheet *s = sheet_new();

            assert_non_null(s);
            if (form == 1 && epochs[i] > 5) {
                assert_int_equal(draw(form), E_LIMIT);
            } else {
                assert_int_equal(draw(form), 0);
                assert_int_equal(sheet_read(s, secret_bytes(&drawn)), 0);
                assert_memory_equal(s, sheet, sizeof *s);
            }
            sheet_free(s);
        }
    }
}

static void test_sheet_page__text_is_ascii_in_72_columns(void **state)
{
    size_t column = 0;

    (void)state;
    make(RECOVERY_EPOCHS_MAX);
    page.place = "/srv/b\xc3\xbc\n"
                 "cher/with a very long name in it";
    assert_int_equal(draw(0), 0);
    for (size_t i = 0; i < drawn.n; i++) {
        uint8_t c = drawn.p[i];

        column = c == '\n' ? 0 : column + 1;
        assert_true(c == '\n' || (c >= ' ' && c <= '~'));
        assert_true(column <= 72);
    }
    assert_int_equal(column, 0);
}

/* A piece that does not fit makes the whole fail, never a shorter sheet. */
static void test_sheet_page__no_form_is_cut_short(void **state)
{
    (void)state;
    make(1);
    for (int form = 0; form < FORMS; form++) {
        size_t cap = drawn.cap;
        size_t n;

        assert_int_equal(draw(form), 0);
        n = drawn.n;
        for (drawn.cap = 0; drawn.cap < n; drawn.cap += 61)
            assert_int_equal(draw(form), E_LIMIT);
        drawn.cap = n;
        assert_int_equal(draw(form), 0);
        drawn.cap = cap;
    }
}

/* ---- on paper ---------------------------------------------------------- */

struct seen {
    int pages;
    int codes;
    int bottom; /* of the last page */
    size_t lines;
    int qr_left;
    int qr_top;
    int qr_bottom;
};

static void seen_page(void *ctx)
{
    struct seen *s = ctx;

    s->pages++;
    s->bottom = s->qr_bottom = 0;
}

/* Prose is drawn in a font whose letters are half as wide as high, on average;
 * typewriter letters are 0.6. */
static void seen_text(void *ctx, enum sheet_layout_font font, int size, int x,
                      int y, const char *text, size_t n)
{
    struct seen *s = ctx;
    bool mono = font == SHEET_LAYOUT_MONO || font == SHEET_LAYOUT_MONO_BOLD;
    int right = x + (int)n * size * (mono ? 60 : 50) / 100;

    assert_true(x >= 500 && right <= SHEET_LAYOUT_WIDTH - 500);
    assert_true(y - size >= 360 && y >= s->bottom);
    /* Letter is shorter than A4: what is below half an inch of its end is lost
     */
    assert_true(y <= 7920 - 360);
    if (font == SHEET_LAYOUT_MONO_BOLD) {
        assert_true(right + 200 <= s->qr_left);
        assert_true(y - size >= s->qr_top && y <= s->qr_bottom);
        s->lines++;
    } else {
        assert_true(y - size >= s->qr_bottom);
    }
    for (size_t i = 0; i < n; i++)
        assert_true(text[i] >= ' ' && text[i] <= '~');
    s->bottom = y;
}

static void seen_qr(void *ctx, int size, int x, int y, const struct sheet_qr *q)
{
    struct seen *s = ctx;

    /* white around it, as wide as four modules */
    assert_true(s->qr_bottom == 0 ||
                y >= s->qr_bottom + 4 * size / (int)q->width);
    s->codes++;
    s->qr_left = x;
    s->qr_top = y;
    s->qr_bottom = y + size;
    assert_true(y >= s->bottom);
    assert_true(x + size <= SHEET_LAYOUT_WIDTH - 500 && y + size <= 7500);
    /* a module is a fifth of a millimetre or more, twice over */
    assert_true(size / (int)q->width >= 20 * 72 / 100);
}

static void test_sheet_page__fits_on_a4_and_letter(void **state)
{
    static const struct {
        size_t epochs;
        int pages;
        int codes;
    } t[] = {{1, 1, 1}, {5, 1, 1}, {6, 2, 2}, {RECOVERY_EPOCHS_MAX, 10, 35}};

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct seen s = {.pages = 0};
        struct sheet_pen pen = {
            .ctx = &s, .page = seen_page, .text = seen_text, .qr = seen_qr};

        make(t[i].epochs);
        assert_int_equal(sheet_layout_draw(&page, &pen), 0);
        assert_int_equal(s.pages, t[i].pages);
        assert_int_equal(s.codes, t[i].codes);
        assert_int_equal(s.lines, sheet_last(sheet));
    }
}

/* ---- PDF --------------------------------------------------------------- */

/* Where needle stands in what was drawn, from `at` on. */
static size_t find(size_t at, const char *needle)
{
    const uint8_t *p =
        memmem(drawn.p + at, drawn.n - at, needle, strlen(needle));

    assert_non_null(p);
    return (size_t)(p - drawn.p);
}

static unsigned long number_at(size_t at)
{
    return strtoul((const char *)drawn.p + at, NULL, 10);
}

static void test_sheet_page__pdf_tables_are_true(void **state)
{
    static const size_t epochs[] = {1, 6, RECOVERY_EPOCHS_MAX};
    char head[32];

    (void)state;
    for (size_t i = 0; i < sizeof epochs / sizeof epochs[0]; i++) {
        size_t xref;
        size_t rows;
        unsigned long n;

        make(epochs[i]);
        assert_int_equal(draw(2), 0);
        assert_memory_equal(drawn.p, "%PDF-1.4\n", 9);
        assert_memory_equal(drawn.p + drawn.n - 6, "%%EOF\n", 6);
        xref = number_at(find(0, "startxref\n") + 10);
        assert_memory_equal(drawn.p + xref, "xref\n0 ", 7);
        n = number_at(xref + 7);
        rows = find(xref, " f \n") + 4;
        for (unsigned long k = 1; k < n; k++) {
            size_t off = number_at(rows + (k - 1) * 20);

            (void)snprintf(head, sizeof head, "%lu 0 obj\n", k);
            assert_memory_equal(drawn.p + off, head, strlen(head));
        }
        assert_memory_equal(drawn.p + rows + (n - 1) * 20, "trailer", 7);
        /* each stream is as long as the object that says it */
        for (size_t at = 0, more = 2; more > 0; more--) {
            unsigned long object = number_at(find(at, "/Length ") + 8);
            size_t begin = find(at, "stream\n") + 7;
            size_t end = find(begin, "endstream");

            (void)snprintf(head, sizeof head, "\n%lu 0 obj\n", object);
            assert_int_equal(number_at(find(end, head) + strlen(head)),
                             end - begin);
            at = end + 9;
        }
    }
}

/* ---- words ------------------------------------------------------------- */

static void first_command(void *ctx, enum sheet_page_style style,
                          const char *text)
{
    char *out = ctx;

    if (style == SHEET_PAGE_COMMAND && !*out)
        (void)snprintf(out, SHEET_PAGE_TEXT_MAX, "%s", text);
}

static void test_sheet_page__commands_can_be_typed(void **state)
{
    static const struct {
        const char *place;
        const char *command;
    } t[] = {
        {"/backup/srv", "export DEDUP_REPO=/backup/srv"},
        {"/backup/my disk", "export DEDUP_REPO='/backup/my disk'"},
        {"/a$(x);`y`\"&\\|*~", "export DEDUP_REPO='/a$(x);`y`\"&\\|*~'"},
        {"/it's", "export DEDUP_REPO=$'/it\\'s'"},
        {"/it's \\", "export DEDUP_REPO=$'/it\\'s \\\\'"},
        {"/b\xc3\xbc\n", "export DEDUP_REPO=$'/b\\xc3\\xbc\\x0a'"},
        {"/a/very/long/path/that/does/not/fit/into/the/line/of/the/sheet",
         "export DEDUP_REPO=DIRECTORY"},
    };

    (void)state;
    make(1);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        char command[SHEET_PAGE_TEXT_MAX] = "";

        page.place = t[i].place;
        sheet_page_each(&page, first_command, command);
        assert_string_equal(command, t[i].command);
    }
}

static void test_sheet_page__wraps_between_words(void **state)
{
    static const struct {
        const char *text;
        size_t line_n;
        const char *rest;
    } t[] = {
        {"", 0, ""},
        {"one two", 7, ""},
        {"one two three", 7, "three"},
        {"one twofold", 3, "twofold"},
        {"longerthanthat", 7, "hanthat"},
        {"exactly then", 7, "then"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        size_t n;

        assert_string_equal(sheet_page_wrap(t[i].text, 7, &n), t[i].rest);
        assert_int_equal(n, t[i].line_n);
    }
}

/* ---- files ------------------------------------------------------------- */

static char top[SCRATCH_PATH];

static const char *path_of(const char *name)
{
    static char path[2 * SCRATCH_PATH];

    (void)snprintf(path, sizeof path, "%s/%s", top, name);
    return path;
}

static void test_sheet_page__files_are_ours_alone(void **state)
{
    static const struct {
        const char *name;
        const char *head;
    } t[] = {{"a.svg", "<?xml"}, {"A.SVG", "<?xml"}, {"a.pdf", "%PDF-"},
             {"a.txt", "Recov"}, {"a", "Recov"},     {".svg", "<?xml"}};

    (void)state;
    make(1);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct sheet *s = sheet_new();
        struct sheet_file f;
        struct stat st;
        char text[6] = "";

        assert_non_null(s);
        assert_int_equal(sheet_file_open(&f, path_of(t[i].name), "no", false),
                         0);
        assert_int_equal(sheet_file_write(&f, &page), 0);
        assert_int_equal(sheet_file_close(&f, 0), 0);
        assert_int_equal(fileop_fstatat(AT_FDCWD, path_of(t[i].name), &st, 0),
                         0);
        assert_int_equal(st.st_mode & 07777, 0600);
        (void)scratch_read(top, t[i].name, text, sizeof text);
        assert_string_equal(text, t[i].head);
        assert_int_equal(sheet_file_read(path_of(t[i].name), s), 0);
        assert_memory_equal(s, sheet, sizeof *s);
        /* never over something that is there */
        assert_int_equal(sheet_file_open(&f, path_of(t[i].name), "no", false),
                         E_USAGE);
        sheet_free(s);
    }
}

static void test_sheet_page__a_sheet_of_nothing_is_removed(void **state)
{
    struct sheet_file f;

    (void)state;
    make(6);
    assert_int_equal(sheet_file_open(&f, path_of("b.svg"), "no", false), 0);
    assert_int_equal(sheet_file_close(&f, sheet_file_write(&f, &page)),
                     E_LIMIT);
    assert_false(scratch_run("test -e '%s/b.svg'", top));
    assert_int_equal(sheet_file_open(&f, path_of("b/svg"), "no", false),
                     E_USAGE);
    assert_int_equal(sheet_file_close(&f, E_USAGE), E_USAGE);
}

static void test_sheet_page__never_in_the_repository(void **state)
{
    char inside[2 * SCRATCH_PATH];
    struct sheet_file f;

    (void)state;
    assert_true(scratch_run("mkdir -p '%s/repo/keys' && ln -s repo/keys "
                            "'%s/link'",
                            top, top));
    (void)snprintf(inside, sizeof inside, "%s/link/sheet", top);
    assert_int_equal(sheet_file_open(&f, inside, path_of("repo"), false),
                     E_REFUSED);
    assert_false(scratch_run("test -e '%s'", inside));
}

static int setup(void **state)
{
    (void)state;
    scratch_make(top);
    return secret_init(&drawn, SHEET_FILE_BYTES_MAX);
}

static int teardown(void **state)
{
    (void)state;
    secret_release(&drawn);
    sheet_free(sheet);
    sheet = NULL;
    scratch_remove(top);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sheet_page__every_form_is_read_back),
        cmocka_unit_test(test_sheet_page__text_is_ascii_in_72_columns),
        cmocka_unit_test(test_sheet_page__no_form_is_cut_short),
        cmocka_unit_test(test_sheet_page__fits_on_a4_and_letter),
        cmocka_unit_test(test_sheet_page__pdf_tables_are_true),
        cmocka_unit_test(test_sheet_page__commands_can_be_typed),
        cmocka_unit_test(test_sheet_page__wraps_between_words),
        cmocka_unit_test(test_sheet_page__files_are_ours_alone),
        cmocka_unit_test(test_sheet_page__a_sheet_of_nothing_is_removed),
        cmocka_unit_test(test_sheet_page__never_in_the_repository),
    };

    if (crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, setup, teardown);
}
