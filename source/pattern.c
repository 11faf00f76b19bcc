#include "source/pattern.h"

#include <stdlib.h>

#include "base/mem.h"

/*
 * A pattern is compiled to a row of tokens; matching runs all alternatives
 * side by side as a set of positions in that row, one bit each.
 */
enum token_kind {
    TOKEN_BYTE,  /* this byte */
    TOKEN_ANY,   /* one byte but '/' */
    TOKEN_CLASS, /* one byte of a class */
    TOKEN_STAR,  /* any run without '/' */
    TOKEN_DEEP,  /* any run: a "**" that ends the pattern */
    TOKEN_SKIP,  /* before TOKEN_DIRS: it may match nothing */
    TOKEN_DIRS   /* any run that ends with '/': the "**" and its '/' */
};

struct token {
    uint8_t kind;   /* enum token_kind */
    uint8_t byte;   /* TOKEN_BYTE */
    uint16_t class; /* TOKEN_CLASS: index into the pattern's classes */
};

struct class_bits {
    uint64_t word[4];
};

struct pattern {
    struct token *token;
    size_t token_n;
    struct class_bits *class;
    size_t class_n;
    size_t literal_n; /* that many TOKEN_BYTE begin the row */
    bool negative;    /* "!" */
    bool dirs_only;   /* '/' at the end */
    bool any_depth;   /* matched against the last component */
    bool never;       /* malformed: matches nothing */
    bool fold;        /* ASCII letters of either case are the same */
};

struct pattern_set {
    struct pattern *pattern;
    size_t n;
    size_t cap;
    bool fold_case;
};

enum {
    STATE_WORDS = PATTERN_BYTES_MAX / 64 + 1,
    STEP_BYTES = 16 /* are compared in the time of one step */
};

/* The positions reached: bit i stands before token i, bit token_n: matched. */
struct states {
    uint64_t word[STATE_WORDS];
};

static uint8_t pattern_fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static void class_add(struct class_bits *class, unsigned int c)
{
    class->word[c / 64] |= (uint64_t)1 << (c % 64);
}

static bool class_has(const struct class_bits *class, unsigned int c)
{
    return class->word[c / 64] >> (c % 64) & 1;
}

static bool in_range(unsigned int c, unsigned int low, unsigned int high)
{
    return c >= low && c <= high;
}

/* The named classes, of ASCII whatever the locale. */
static bool class_name_has(struct bytes name, unsigned int c, bool *known)
{
    bool lower = in_range(c, 'a', 'z');
    bool upper = in_range(c, 'A', 'Z');
    bool digit = in_range(c, '0', '9');
    bool graph = in_range(c, 33, 126);
    const struct {
        const char *name;
        bool has;
    } names[] = {
        {"alnum", lower || upper || digit},
        {"alpha", lower || upper},
        {"blank", c == ' ' || c == '\t'},
        {"cntrl", c < 32 || c == 127},
        {"digit", digit},
        {"graph", graph},
        {"lower", lower},
        {"print", graph || c == ' '},
        {"punct", graph && !lower && !upper && !digit},
        {"space", c == ' ' || in_range(c, 9, 13)},
        {"upper", upper},
        {"xdigit", digit || in_range(c, 'a', 'f') || in_range(c, 'A', 'F')},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_equal(name, bytes_of_str(names[i].name))) {
            *known = true;
            return names[i].has;
        }
    }
    *known = false;
    return false;
}

/* The cursor of the compiler. */
struct parse {
    struct bytes in;
    size_t at;
};

/* The byte k after the cursor; -1 beyond the end. */
static int parse_peek(const struct parse *p, size_t k)
{
    return p->at + k < p->in.n ? p->in.p[p->at + k] : -1;
}

/*
 * "[:name:]" with the cursor on its '['. Not one of that form: *form is false
 * and nothing has moved. Returns false for an unknown name or no end at all.
 */
static bool parse_class_name(struct parse *p, struct class_bits *class,
                             bool *form)
{
    size_t start = p->at + 2;
    size_t end = start;
    bool known = false;

    *form = false;
    while (end < p->in.n && p->in.p[end] != ']')
        end++;
    if (end == p->in.n)
        return false;
    if (end < start + 1 || p->in.p[end - 1] != ':')
        return true;
    for (unsigned int c = 0; c < 256; c++) {
        if (class_name_has(bytes_of(p->in.p + start, end - 1 - start), c,
                           &known))
            class_add(class, c);
    }
    *form = true;
    p->at = end + 1;
    return known;
}

/* One member, or a range when *previous begins one. false: no end. */
static bool parse_member(struct parse *p, struct class_bits *class,
                         int *previous)
{
    int c = parse_peek(p, 0);
    bool range = c == '-' && *previous > 0 && parse_peek(p, 1) >= 0 &&
                 parse_peek(p, 1) != ']';

    if (range) {
        p->at++;
        c = parse_peek(p, 0);
    }
    if (c == '\\' || c < 0) {
        p->at++;
        c = parse_peek(p, 0);
        if (c < 0)
            return false;
    }
    p->at++;
    for (int i = range ? *previous : c; i <= c; i++)
        class_add(class, (unsigned int)i);
    *previous = range ? 0 : c;
    return true;
}

static void class_fold(struct class_bits *class)
{
    for (unsigned int c = 'A'; c <= 'Z'; c++) {
        if (class_has(class, c) || class_has(class, c + 32)) {
            class_add(class, c);
            class_add(class, c + 32);
        }
    }
}

/* A whole class, the cursor behind its '['. false: malformed. */
static bool parse_class(struct parse *p, struct class_bits *class, bool fold)
{
    bool negated = parse_peek(p, 0) == '!' || parse_peek(p, 0) == '^';
    int previous = 0;
    bool form;

    p->at += negated;
    /* A ']' that comes first is a member. */
    do {
        if (parse_peek(p, 0) == '[' && parse_peek(p, 1) == ':') {
            if (!parse_class_name(p, class, &form))
                return false;
            if (form) {
                previous = 0;
                continue;
            }
        }
        if (!parse_member(p, class, &previous))
            return false;
    } while (parse_peek(p, 0) != ']');
    p->at++;
    if (fold)
        class_fold(class);
    for (size_t i = 0; negated && i < 4; i++)
        class->word[i] = ~class->word[i];
    class->word['/' / 64] &= ~((uint64_t)1 << ('/' % 64));
    return true;
}

static void pattern_token(struct pattern *pat, enum token_kind kind, int byte)
{
    pat->token[pat->token_n++] =
        (struct token){.kind = (uint8_t)kind, .byte = (uint8_t)byte};
}

/* A run of '*', the cursor on its first. */
static void pattern_compile_stars(struct pattern *pat, struct parse *p)
{
    bool first = p->at == 0 || p->in.p[p->at - 1] == '/';
    size_t n = 0;

    while (parse_peek(p, 0) == '*') {
        p->at++;
        n++;
    }
    if (n > 1 && first && parse_peek(p, 0) == '/') {
        p->at++;
        /* Of several in a row one says it all; a chain of them would have to
         * be gone through at every byte. */
        if (pat->token_n && pat->token[pat->token_n - 1].kind == TOKEN_DIRS)
            return;
        pattern_token(pat, TOKEN_SKIP, 0);
        pattern_token(pat, TOKEN_DIRS, 0);
    } else if (n > 1 && first &&
               (parse_peek(p, 0) < 0 ||
                (parse_peek(p, 0) == '\\' && parse_peek(p, 1) == '/'))) {
        pattern_token(pat, TOKEN_DEEP, 0);
    } else {
        pattern_token(pat, TOKEN_STAR, 0);
    }
}

/* Compiles p into pat, whose arrays are large enough. */
static void pattern_compile(struct pattern *pat, struct parse *p, bool fold)
{
    while (p->at < p->in.n) {
        int c = p->in.p[p->at];

        if (c == '*') {
            pattern_compile_stars(pat, p);
            continue;
        }
        p->at++;
        if (c == '?') {
            pattern_token(pat, TOKEN_ANY, 0);
        } else if (c == '[') {
            pattern_token(pat, TOKEN_CLASS, 0);
            pat->token[pat->token_n - 1].class = (uint16_t)pat->class_n;
            if (!parse_class(p, &pat->class[pat->class_n], fold)) {
                pat->never = true;
                return;
            }
            pat->class_n++;
        } else {
            if (c == '\\') {
                c = parse_peek(p, 0);
                p->at++;
            }
            if (c < 0) {
                pat->never = true;
                return;
            }
            pattern_token(pat, TOKEN_BYTE, fold ? pattern_fold((uint8_t)c) : c);
        }
    }
}

static size_t count_byte(struct bytes in, uint8_t c)
{
    size_t n = 0;

    for (size_t i = 0; i < in.n; i++)
        n += in.p[i] == c;
    return n;
}

static void pattern_release(struct pattern *pat)
{
    free(pat->token);
    free(pat->class);
    *pat = (struct pattern){0};
}

/* Takes the marks at both ends off in, into the flags of pat. */
static struct bytes pattern_marks(struct pattern *pat, struct bytes in)
{
    if (in.n && in.p[0] == '!') {
        pat->negative = true;
        in = bytes_of(in.p + 1, in.n - 1);
    }
    if (in.n && in.p[in.n - 1] == '/') {
        pat->dirs_only = true;
        in.n--;
    }
    pat->any_depth = count_byte(in, '/') == 0;
    if (in.n && in.p[0] == '/')
        in = bytes_of(in.p + 1, in.n - 1);
    return in;
}

static int pattern_init(struct pattern *pat, struct bytes in, bool fold)
{
    struct parse p = {0};

    *pat = (struct pattern){.fold = fold};
    in = pattern_marks(pat, in);
    pat->never = in.n == 0;
    pat->token = mem_array(in.n + 1, sizeof *pat->token);
    pat->class = mem_array(count_byte(in, '['), sizeof *pat->class);
    if (!pat->token || !pat->class) {
        pattern_release(pat);
        return err_set(E_NOMEM, "out of memory for a pattern");
    }
    p.in = in;
    pattern_compile(pat, &p, fold);
    while (pat->literal_n < pat->token_n &&
           pat->token[pat->literal_n].kind == TOKEN_BYTE)
        pat->literal_n++;
    return 0;
}

int pattern_set_new(bool fold_case, struct pattern_set **out)
{
    struct pattern_set *set = mem_alloc(sizeof *set);

    if (!set)
        return err_set(E_NOMEM, "out of memory for patterns");
    set->fold_case = fold_case;
    *out = set;
    return 0;
}

void pattern_set_free(struct pattern_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->n; i++)
        pattern_release(&set->pattern[i]);
    free(set->pattern);
    free(set);
}

size_t pattern_set_n(const struct pattern_set *set)
{
    return set ? set->n : 0;
}

bool pattern_set_can_match(const struct pattern_set *set)
{
    bool can = false;

    for (size_t i = 0; i < set->n && !can; i++)
        can = !set->pattern[i].never;
    return can;
}

static int pattern_set_append(struct pattern_set *set, struct bytes pattern,
                              bool fold)
{
    int rc;

    if (pattern.n > PATTERN_BYTES_MAX)
        return err_set(E_USAGE, "a pattern of %zu bytes (at most %d)",
                       pattern.n, PATTERN_BYTES_MAX);
    if (!MEM_GROW(set->pattern, set->n, set->cap))
        return err_set(E_NOMEM, "out of memory for patterns");
    rc = pattern_init(&set->pattern[set->n], pattern, fold);
    if (rc == 0)
        set->n++;
    return rc;
}

int pattern_set_add(struct pattern_set *set, struct bytes pattern)
{
    return pattern_set_append(set, pattern, set->fold_case);
}

int pattern_set_add_folded(struct pattern_set *set, struct bytes pattern)
{
    return pattern_set_append(set, pattern, true);
}

/* The line without the spaces at its end, but for those after a backslash. */
static struct bytes line_trim(struct bytes line)
{
    size_t keep = 0;

    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == '\\') {
            i++;
            keep = i + 1;
        } else if (line.p[i] != ' ') {
            keep = i + 1;
        }
    }
    return bytes_of(line.p, keep < line.n ? keep : line.n);
}

bool pattern_lines_next(struct pattern_lines *l, struct bytes *pattern)
{
    struct bytes line = bytes_of(NULL, 0);

    if (l->at == 0 && l->text.n >= 3 &&
        memcmp(l->text.p, "\xef\xbb\xbf", 3) == 0)
        l->at = 3;
    while (l->at < l->text.n && line.n == 0) {
        const uint8_t *p = l->text.p + l->at;
        const uint8_t *end = memchr(p, '\n', l->text.n - l->at);

        line = bytes_of(p, end ? (size_t)(end - p) : l->text.n - l->at);
        l->at += line.n + 1;
        l->line++;
        if (line.n && line.p[0] == '#')
            line.n = 0;
        if (end && line.n && line.p[line.n - 1] == '\r')
            line.n--;
        line = line_trim(line);
    }
    *pattern = line;
    return line.n > 0;
}

int pattern_set_add_text(struct pattern_set *set, struct bytes text,
                         const char *name)
{
    struct pattern_lines l = {.text = text};
    struct bytes pattern;
    int rc = 0;

    while (rc == 0 && pattern_lines_next(&l, &pattern))
        rc = err_add(pattern_set_add(set, pattern), "%s:%zu", name, l.line);
    return rc;
}

/* Puts the matcher before token at, and wherever that leads without a byte. */
static void states_add(struct states *s, const struct pattern *pat, size_t at)
{
    for (;;) {
        enum token_kind kind;

        s->word[at / 64] |= (uint64_t)1 << (at % 64);
        if (at == pat->token_n)
            return;
        kind = pat->token[at].kind;
        if (kind == TOKEN_STAR || kind == TOKEN_DEEP) {
            at++;
        } else if (kind == TOKEN_SKIP) {
            s->word[(at + 1) / 64] |= (uint64_t)1 << ((at + 1) % 64);
            at += 2;
        } else {
            return;
        }
    }
}

/* What byte c makes of position at; lands in next. */
static void states_step(struct states *next, const struct pattern *pat,
                        size_t at, uint8_t c)
{
    const struct token *t = &pat->token[at];

    switch ((enum token_kind)t->kind) {
    case TOKEN_BYTE:
        if (t->byte == c)
            states_add(next, pat, at + 1);
        break;
    case TOKEN_ANY:
        if (c != '/')
            states_add(next, pat, at + 1);
        break;
    case TOKEN_CLASS:
        if (class_has(&pat->class[t->class], c))
            states_add(next, pat, at + 1);
        break;
    case TOKEN_STAR:
        if (c != '/')
            states_add(next, pat, at);
        break;
    case TOKEN_DEEP:
        states_add(next, pat, at);
        break;
    case TOKEN_SKIP:
        break;
    case TOKEN_DIRS:
        next->word[at / 64] |= (uint64_t)1 << (at % 64);
        if (c == '/')
            states_add(next, pat, at + 1);
        break;
    }
}

/* Takes n of what is left of *steps; false: there is not as much. */
static bool steps_take(uint64_t *steps, uint64_t n)
{
    bool enough = *steps > n;

    *steps = enough ? *steps - n : 0;
    return enough;
}

/* Whether the tokens from `from` on match all of text; false when the steps
 * run out. */
static bool pattern_run(const struct pattern *pat, size_t from,
                        struct bytes text, uint64_t *steps)
{
    bool fold = pat->fold;
    struct states states[2];
    size_t words = pat->token_n / 64 + 1;
    size_t now = 0;

    memset(states[0].word, 0, words * sizeof(uint64_t));
    states_add(&states[0], pat, from);
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = fold ? pattern_fold(text.p[i]) : text.p[i];
        struct states *next = &states[1 - now];
        uint64_t alive = 0;
        uint64_t taken = words - from / 64;

        memset(next->word, 0, words * sizeof(uint64_t));
        for (size_t w = from / 64; w < words; w++) {
            uint64_t bits = states[now].word[w];

            alive |= bits;
            taken += (uint64_t)__builtin_popcountll(bits);
            for (; bits; bits &= bits - 1) {
                size_t at = w * 64 + (size_t)__builtin_ctzll(bits);

                if (at < pat->token_n)
                    states_step(next, pat, at, c);
            }
        }
        if (!steps_take(steps, taken) || !alive)
            return false;
        now = 1 - now;
    }
    return states[now].word[pat->token_n / 64] >> (pat->token_n % 64) & 1;
}

static bool pattern_matches(const struct pattern *pat, struct bytes text,
                            uint64_t *steps)
{
    bool fold = pat->fold;
    size_t same = 0;

    if (!steps_take(steps, 1) || pat->never || text.n < pat->literal_n)
        return false;
    /* Nearly every path fails here: at the bytes a pattern begins with. */
    while (same < pat->literal_n &&
           pat->token[same].byte ==
               (fold ? pattern_fold(text.p[same]) : text.p[same]))
        same++;
    if (!steps_take(steps, same / STEP_BYTES) || same < pat->literal_n)
        return false;
    if (pat->literal_n == pat->token_n)
        return text.n == pat->literal_n;
    /* And those like "*.o" at the byte they end with. */
    if (text.n && pat->token[pat->token_n - 1].kind == TOKEN_BYTE) {
        uint8_t last = text.p[text.n - 1];

        if ((fold ? pattern_fold(last) : last) !=
            pat->token[pat->token_n - 1].byte)
            return false;
    }
    text.p += pat->literal_n;
    text.n -= pat->literal_n;
    return pattern_run(pat, pat->literal_n, text, steps);
}

enum pattern_verdict pattern_set_match_within(const struct pattern_set *set,
                                              struct bytes path, bool is_dir,
                                              uint64_t *steps)
{
    const uint8_t *slash;
    struct bytes name = path;

    if (!set || set->n == 0)
        return PATTERN_NONE;
    slash = memrchr(path.p, '/', path.n);
    if (slash)
        name = bytes_of(slash + 1, (size_t)(path.p + path.n - slash - 1));
    for (size_t i = set->n; i-- > 0 && *steps > 0;) {
        const struct pattern *pat = &set->pattern[i];

        if (pat->dirs_only && !is_dir)
            continue;
        if (pattern_matches(pat, pat->any_depth ? name : path, steps))
            return pat->negative ? PATTERN_INCLUDE : PATTERN_EXCLUDE;
    }
    return PATTERN_NONE;
}

enum pattern_verdict pattern_set_match(const struct pattern_set *set,
                                       struct bytes path, bool is_dir)
{
    uint64_t steps = UINT64_MAX;

    return pattern_set_match_within(set, path, is_dir, &steps);
}

bool pattern_set_excluded(const struct pattern_set *set, struct bytes path,
                          bool is_dir)
{
    for (size_t i = 1; i < path.n; i++) {
        if (path.p[i] == '/' && pattern_set_match(set, bytes_of(path.p, i),
                                                  true) == PATTERN_EXCLUDE)
            return true;
    }
    return pattern_set_match(set, path, is_dir) == PATTERN_EXCLUDE;
}
