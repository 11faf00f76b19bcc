#include "cli/nearest.h"

#include <string.h>

void nearest_init(struct nearest *n, const char *word)
{
    n->word = word;
    n->best = NULL;
    n->best_steps = 0;
}

static unsigned nearest_min(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Edits from a to b, a swap of neighbours counted as one. Both words have at
 * most NEAREST_WORD_MAX letters. */
static unsigned nearest_steps(const char *a, const char *b)
{
    unsigned row[3][NEAREST_WORD_MAX + 1];
    unsigned *prev2 = row[0], *prev = row[1], *cur = row[2];
    size_t an = strlen(a), bn = strlen(b);

    for (size_t j = 0; j <= bn; j++)
        prev[j] = prev2[j] = (unsigned)j;
    for (size_t i = 1; i <= an; i++) {
        unsigned *spent = prev2;

        cur[0] = (unsigned)i;
        for (size_t j = 1; j <= bn; j++) {
            unsigned same = a[i - 1] == b[j - 1] ? 0 : 1;

            cur[j] = nearest_min(prev[j] + 1, cur[j - 1] + 1);
            cur[j] = nearest_min(cur[j], prev[j - 1] + same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cur[j] = nearest_min(cur[j], prev2[j - 2] + 1);
        }
        prev2 = prev;
        prev = cur;
        cur = spent;
    }
    return prev[bn];
}

void nearest_offer(struct nearest *n, const char *known)
{
    size_t typed = strlen(n->word);
    size_t most = typed / 3 < 1 ? 1 : typed / 3 > 3 ? 3 : typed / 3;
    unsigned steps;

    if (typed > NEAREST_WORD_MAX || strlen(known) > NEAREST_WORD_MAX)
        return;
    steps = nearest_steps(n->word, known);
    if (typed >= 3 && strncmp(n->word, known, typed) == 0)
        steps = nearest_min(steps, (unsigned)most);
    if (steps > most || (n->best && steps >= n->best_steps))
        return;
    n->best = known;
    n->best_steps = steps;
}
