/*
 * nearest: which known word a misspelt one was most likely meant to be.
 * Pure; any thread.
 */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/* Words longer than this are never compared. */
#define NEAREST_WORD_MAX 100

struct nearest {
    const char *word;    /* as typed */
    const char *best;    /* NULL: nothing is near enough */
    unsigned best_steps; /* edits between the two */
};

/* nearest_init: begin a search for word, which is borrowed. */
void nearest_init(struct nearest *n, const char *word);

/*
 * nearest_offer: consider one known word, borrowed as long as n is used. Near
 * enough is: at most a third of the typed letters inserted, dropped, changed
 * or swapped with their neighbour (at least one, at most three), or known
 * beginning with three or more typed letters. The first of equals stays.
 */
void nearest_offer(struct nearest *n, const char *known);

#endif
