#include "cli/progress_rate.h"

#include "base/clock.h"

/* What is so many seconds old counts half. */
#define PROGRESS_RATE_HALF_S 30.0

static double progress_rate_since(uint64_t now, uint64_t last)
{
    return now > last ? (double)(now - last) : 0;
}

static void progress_rate_fade(struct progress_rate *r, double seconds)
{
    double keep = PROGRESS_RATE_HALF_S / (PROGRESS_RATE_HALF_S + seconds);

    r->look_s *= keep;
    r->looked_files *= keep;
    r->move_s *= keep;
    r->moved_bytes *= keep;
    r->seen_bytes *= keep;
}

void progress_rate_note(struct progress_rate *r,
                        const struct progress_counts *now, int64_t elapsed_ns)
{
    double seconds = (double)(elapsed_ns - r->last_ns) / CLOCK_SECOND_NS;
    double moved = progress_rate_since(now->bytes_moved, r->last.bytes_moved);

    progress_rate_fade(r, seconds);
    if (moved > 0) {
        r->move_s += seconds;
        r->moved_bytes += moved;
    } else {
        r->look_s += seconds;
        r->looked_files +=
            progress_rate_since(now->files_done, r->last.files_done);
    }
    r->seen_bytes += progress_rate_since(now->bytes_done, r->last.bytes_done);
    r->last = *now;
    r->last_ns = elapsed_ns;
}

uint64_t progress_rate_moved(const struct progress_rate *r)
{
    if (r->last_ns < CLOCK_SECOND_NS || r->last.bytes_moved == 0)
        return 0;
    return (uint64_t)(r->moved_bytes / (r->look_s + r->move_s));
}

/* Whether at least one percent is done, and not all. */
static bool progress_rate_some(uint64_t done, uint64_t total)
{
    return done > 0 && done < total && (double)done >= 0.01 * (double)total;
}

/* Seconds for the rest, when that share (0..1) of its bytes has to be moved. */
static double progress_rate_rest(const struct progress_rate *r, double share)
{
    const struct progress_counts *c = &r->last;
    double files = progress_rate_since(c->files_total, c->files_done);
    double bytes = progress_rate_since(c->bytes_total, c->bytes_done) * share;
    double rest = 0;

    if (r->looked_files > 0)
        rest += files * r->look_s / r->looked_files;
    if (r->moved_bytes > 0)
        rest += bytes * r->move_s / r->moved_bytes;
    return rest;
}

bool progress_rate_left(const struct progress_rate *r, double *low_s,
                        double *high_s)
{
    const struct progress_counts *c = &r->last;
    double elapsed = (double)r->last_ns / CLOCK_SECOND_NS;
    double recent, all;

    if (elapsed < 2 || !(progress_rate_some(c->files_done, c->files_total) ||
                         progress_rate_some(c->bytes_done, c->bytes_total)))
        return false;
    all = c->bytes_done ? (double)c->bytes_moved / (double)c->bytes_done : 0;
    recent = r->seen_bytes > 0 ? r->moved_bytes / r->seen_bytes : all;
    recent = progress_rate_rest(r, recent < 1 ? recent : 1);
    all = progress_rate_rest(r, all < 1 ? all : 1);
    if (recent <= 0 && all <= 0) { /* neither rate is known: as it went */
        all = progress_rate_some(c->bytes_done, c->bytes_total)
                  ? elapsed * (double)(c->bytes_total - c->bytes_done) /
                        (double)c->bytes_done
                  : elapsed * (double)(c->files_total - c->files_done) /
                        (double)c->files_done;
        recent = all;
    }
    *low_s = recent < all ? recent : all;
    *high_s = recent < all ? all : recent;
    return *high_s > 0;
}

int64_t progress_rate_plain_next(int64_t elapsed_ns)
{
    return elapsed_ns +
           (elapsed_ns < 60 * CLOCK_SECOND_NS ? 10 : 60) * CLOCK_SECOND_NS;
}
