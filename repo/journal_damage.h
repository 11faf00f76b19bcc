/*
 * journal_damage: which journal records could not be read, or are not there
 * although later ones are, and why: for whoever has to say it. Plain data.
 */
#ifndef REPO_JOURNAL_DAMAGE_H
#define REPO_JOURNAL_DAMAGE_H

#include "repo/record.h"

enum { JOURNAL_DAMAGE_NAMED = 8, JOURNAL_DAMAGE_WHY_MAX = 160 };

struct journal_damage_record {
    char name[RECORD_NAME_MAX];       /* "w/<writer>/<k>" */
    char why[JOURNAL_DAMAGE_WHY_MAX]; /* without that name; may be cut */
};

/* Zeroed: none. */
struct journal_damage {
    uint64_t journals; /* that have damaged records */
    uint64_t records; /* damaged; missing ones that follow each other are one */
    size_t named_n;   /* the first of them, by name */
    struct journal_damage_record named[JOURNAL_DAMAGE_NAMED];
};

/* journal_damage_note: one more.
 *   name   of the record; of several missing ones the first
 *   why    text of an error; the name in front of it is left out
 *   first  whether it is the first of its journal */
void journal_damage_note(struct journal_damage *d, const char *name,
                         const char *why, bool first);

#endif
