#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "cli/benchmark.h"
#include "cli/cli.h"

enum { CMD_BENCHMARK_LINE_MAX = 120 };

static uint64_t cmd_benchmark_rate(const struct benchmark_measure *m)
{
    double seconds = (double)m->ns / (double)CLOCK_SECOND_NS;

    return m->ns > 0 ? (uint64_t)((double)m->bytes / seconds) : 0;
}

static int cmd_benchmark_json(struct json_out *j,
                              const struct benchmark_measure *m)
{
    json_out_begin(j, "benchmark");
    json_out_text(j, "what", m->what);
    json_out_u64(j, "bytes_per_second", cmd_benchmark_rate(m));
    json_out_u64(j, "bytes", m->bytes);
    json_out_i64(j, "ns", m->ns);
    if (m->out_bytes)
        json_out_u64(j, "out_bytes", m->out_bytes);
    return json_out_end(j);
}

static int cmd_benchmark_tell(void *ctx, const struct benchmark_measure *m)
{
    struct cli *cli = ctx;
    char line[CMD_BENCHMARK_LINE_MAX];
    double mega = (double)cmd_benchmark_rate(m) / 1e6;

    if (cli->json)
        return cmd_benchmark_json(cli->json, m);
    if (m->out_bytes)
        (void)snprintf(line, sizeof line, "%-18s%8.*f MB/s  1:%.2f\n", m->what,
                       mega < 10 ? 1 : 0, mega,
                       (double)m->bytes / (double)m->out_bytes);
    else
        (void)snprintf(line, sizeof line, "%-18s%8.*f MB/s\n", m->what,
                       mega < 10 ? 1 : 0, mega);
    out_text(cli->out, line);
    return 0;
}

int cmd_benchmark(struct cli *cli)
{
    const char *directory =
        cli->opt->arg_n ? cli->opt->arg[0] : opt_text(cli->opt, OPT_REPO);
    int rc = 0;

    /* what may be wrong first */
    if (directory)
        rc = benchmark_disk(directory, cli->cancel, cmd_benchmark_tell, cli);
    if (rc == 0)
        rc = benchmark_machine(cli->cancel, cmd_benchmark_tell, cli);
    return rc;
}
