#include "tests/job/host_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void host_kit_open(struct job_fixture *f)
{
    job_fixture_open(f);
    job_fixture_files(f);
    job_fixture_add_write_key(f);
    job_fixture_as(f, true);
}

void host_kit_returns(struct job_fixture *f, const struct job_snap *s)
{
    job_fixture_as(f, false);
    job_fixture_returns(f, &s->result.id);
    job_fixture_as(f, true);
}

void host_kit_forget(struct job_fixture *f)
{
    assert_true(scratch_run("rm %s/keepsake-*", f->r->cache));
}

int host_kit_mark_nothing(void *ctx, const struct repo *r,
                          struct repo_log_draft *d)
{
    static const struct object_id none = {{1}};

    (void)ctx;
    (void)r;
    d->type = RECORD_CONDEMN;
    d->says.ids = record_ids_of(&none, 1);
    return 0;
}
