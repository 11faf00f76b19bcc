#include "repo/job/snap_commit.h"

#include <time.h>

#include "base/clock.h"
#include "repo/keepsake_file.h"

struct entry_time snap_commit_now(void)
{
    int64_t ns = clock_realtime_ns();

    return (struct entry_time){ns / 1000000000, (uint32_t)(ns % 1000000000)};
}

static int32_t snap_commit_utc_offset(int64_t s)
{
    time_t t = (time_t)s;
    struct tm tm;

    return localtime_r(&t, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

/* Somebody else may have used up the numbers of the series. */
static uint64_t snap_commit_next(uint64_t number)
{
    return number < UINT64_MAX ? number + 1 : number;
}

int snap_commit(struct writer *w, const struct snap_commit *c,
                struct snapshot_job_result *result)
{
    const struct snapshot_item *before = c->previous->item;
    int rc;
    struct manifest m = {.series = c->opt->series,
                         .number = 1,
                         .root = c->root,
                         .begin = result->begin,
                         .complete = c->complete,
                         .host = c->opt->host,
                         .user = c->opt->user,
                         .program = c->opt->program,
                         .options = c->opt->options,
                         .paths = c->opt->root,
                         .path_n = c->opt->root_n,
                         .tags = c->opt->tag,
                         .tag_n = c->opt->tag_n,
                         .stats = result->stats};

    result->end = snap_commit_now();
    m.end = result->end;
    m.utc_offset = snap_commit_utc_offset(m.begin.s);
    if (before) {
        m.number = snap_commit_next(before->manifest.m.number);
        m.has_previous = true;
        m.previous = before->id;
    }
    m.problem_total = problems_total(c->problems);
    m.problems = problems_list(c->problems, &m.problem_n);
    writer_log_tip(w, &m.log_number, &m.log_id);
    rc = writer_commit(w, &m, &result->id);
    if (rc == 0 && c->previous->kept)
        keepsake_file_write(c->r, &result->id, &m, c->previous->kept);
    return rc;
}
