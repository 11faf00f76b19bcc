#include "cli/job_series.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/backup_set.h"
#include "cli/config_apply.h"

struct job_series {
    struct bytes repo; /* lent by the configuration or the command line */
    char name[MANIFEST_SERIES_MAX + 1]; /* "": it cannot be */
};

/* "/srv/" is "/srv". */
static struct bytes job_series_repo(const struct opt_set *o)
{
    const char *said = opt_text(o, OPT_REPO);
    struct bytes repo = bytes_of_str(said ? said : "");

    while (repo.n > 1 && repo.p[repo.n - 1] == '/')
        repo.n--;
    return repo;
}

static int job_series_of(const struct opt_set *asked,
                         const struct config_file *c,
                         const struct config_job *job, struct job_series *s)
{
    struct backup_set b = {.is_stream = false};
    struct opt_set o;
    int rc = config_apply_job(asked, c, job, &o);

    if (rc == 0)
        rc = backup_set_name(&o, &b);
    if (rc == 0) {
        s->repo = job_series_repo(&o);
        memcpy(s->name, b.series, sizeof s->name);
    }
    backup_set_release(&b);
    opt_release(&o);
    if (rc == E_USAGE) {
        err_ignore(rc, "the run of that job will tell");
        return 0;
    }
    return rc;
}

int job_series_check(const struct opt_set *o, const struct config_file *c)
{
    struct job_series *s = mem_array(c->job_n, sizeof *s);
    int rc = s ? 0 : err_set(E_NOMEM, "out of memory");

    for (size_t i = 0; i < c->job_n && rc == 0; i++) {
        rc = job_series_of(o, c, &c->job[i], &s[i]);
        for (size_t k = 0; k < i && rc == 0; k++) {
            if (s[i].name[0] && strcmp(s[i].name, s[k].name) == 0 &&
                bytes_equal(s[i].repo, s[k].repo))
                rc = err_set(E_USAGE,
                             "%s:%u: job '%s' and job '%s' (line %u) share the "
                             "series '%s' in one repository: give each its own",
                             c->path, c->job[i].line, c->job[i].name,
                             c->job[k].name, c->job[k].line, s[i].name);
        }
    }
    free(s);
    return rc;
}
