#include "cli/keep.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "repo/label_change.h"

enum { KEEP_COUNT_MAX = 1000000 };

/* In the order of enum retention_unit, then the others. */
static const char *const keep_names[] = {
    "keep-last",    "keep-hourly",    "keep-daily",  "keep-weekly",
    "keep-monthly", "keep-quarterly", "keep-yearly", "keep-within",
    "keep-tag",     "max-age",        "max-count",   "max-size"};

enum { KEEP_NAMES = sizeof keep_names / sizeof keep_names[0] };

/* What they are as options. */
static const enum opt_id keep_ids[KEEP_NAMES] = {
    OPT_KEEP_LAST,    OPT_KEEP_HOURLY,    OPT_KEEP_DAILY,  OPT_KEEP_WEEKLY,
    OPT_KEEP_MONTHLY, OPT_KEEP_QUARTERLY, OPT_KEEP_YEARLY, OPT_KEEP_WITHIN,
    OPT_KEEP_TAG,     OPT_MAX_AGE,        OPT_MAX_COUNT,   OPT_MAX_SIZE};

void keep_release(struct keep *k)
{
    for (size_t i = 0; i < k->tags_n; i++) {
        struct bytes *tag;

        memcpy(&tag, &k->tags[i].tag, sizeof tag);
        free(tag);
    }
    free(k->tags);
    *k = (struct keep){.tags = NULL};
}

const char *keep_name(size_t i)
{
    return i < KEEP_NAMES ? keep_names[i] : NULL;
}

/* "a,b" */
static int keep_add_tags(struct keep *k, const char *text)
{
    struct bytes all = bytes_of_str(text);
    struct bytes *tag;
    size_t n = 1;

    for (size_t i = 0; i < all.n; i++)
        n += all.p[i] == ',';
    tag = mem_array(n, sizeof *tag);
    if (!tag || !MEM_GROW(k->tags, k->tags_n, k->tags_cap)) {
        free(tag);
        return err_set(E_NOMEM, "out of memory");
    }
    k->tags[k->tags_n++] = (struct retention_tags){tag, n};
    k->policy.tags = k->tags;
    k->policy.tags_n = k->tags_n;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *comma = all.n ? memchr(all.p, ',', all.n) : NULL;
        size_t len = comma ? (size_t)(comma - all.p) : all.n;

        tag[i] = bytes_of(all.p, len);
        if (!label_change_tag_ok(tag[i]))
            return err_set(E_USAGE,
                           "'%s': tags, split by commas, each 1 to %d bytes, "
                           "no spaces or control characters",
                           text, RECORD_TAG_MAX);
        if (comma)
            all = bytes_of(comma + 1, all.n - len - 1);
    }
    return 0;
}

static int keep_add_count(struct keep *k, const char *text)
{
    uint64_t n;

    if (text_parse_uint(text, 1, KEEP_COUNT_MAX, &n) < 0)
        return err_set(E_USAGE, "'%s' is not a number from 1 to %d", text,
                       KEEP_COUNT_MAX);
    k->policy.has_max_count = true;
    k->policy.max_count = (uint32_t)n;
    return 0;
}

int keep_add(struct keep *k, const char *key, const char *text)
{
    for (size_t i = 0; i < RETENTION_UNITS; i++) {
        if (strcmp(key, keep_names[i]) == 0)
            return retention_rule_parse(text, &k->policy.rule[i]);
    }
    if (strcmp(key, "keep-within") == 0) {
        k->policy.has_within = true;
        return retention_span_parse(text, &k->policy.within);
    }
    if (strcmp(key, "max-age") == 0) {
        k->policy.has_max_age = true;
        return retention_span_parse(text, &k->policy.max_age);
    }
    if (strcmp(key, "max-count") == 0)
        return keep_add_count(k, text);
    if (strcmp(key, "max-size") == 0) {
        k->policy.has_max_size = true;
        return text_parse_size(text, 1, UINT64_MAX, &k->policy.max_size);
    }
    ASSERT(strcmp(key, "keep-tag") == 0);
    return keep_add_tags(k, text);
}

int keep_options(const struct opt_set *o, struct keep *k, bool *any)
{
    int rc = 0;

    *any = false;
    for (size_t i = 0; i < o->value_n && rc == 0; i++) {
        for (size_t n = 0; n < KEEP_NAMES && rc == 0; n++) {
            if (o->value[i].id != keep_ids[n])
                continue;
            *any = true;
            rc = err_add(keep_add(k, keep_names[n], o->value[i].text), "--%s",
                         keep_names[n]);
        }
    }
    return rc;
}

int keep_job(const struct config_job *job, struct keep *k)
{
    int rc = 0;

    for (size_t i = 0; i < job->rule_n && rc == 0; i++)
        rc = keep_add(k, job->rule[i].key, job->rule[i].text);
    return rc;
}
