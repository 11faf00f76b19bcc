/*
 * check_chains: reads the whole log and every journal, from their first
 * records on, and proves each link. Behind a record that is damaged it goes
 * on: what that record said is missing then.
 *
 * Confined to one thread.
 */
#ifndef REPO_CHECK_CHAINS_H
#define REPO_CHECK_CHAINS_H

#include "repo/check_records.h"
#include "repo/check_report.h"

/* A segment that a journal names. */
struct check_segment {
    struct object_id id;
    struct writer_id writer;
    const struct members_one *member; /* whose journal that is */
};

/* A snapshot that a journal commits. */
struct check_commit {
    struct object_id id;
    struct member_id member; /* whose journal that is */
};

/* A segment that a segment record says another stands for. */
struct check_replaced {
    struct object_id id;
    const struct members_one *by;
};

/* A log record that counts for nothing. */
struct check_strange {
    uint64_t number;
    const struct members_one *by; /* who signed it */
};

/* How far a chain has been read. */
struct check_chain {
    struct chain chain;
    enum check_kind kind; /* CHECK_LOG or CHECK_JOURNAL */
    struct chain_tip tip; /* the last record, or gap */
    uint64_t listed;      /* a record of this number was listed, or none */
    bool blind;           /* whether there are more could not be read */
    bool unknown;         /* the id of that record */
    /* a journal: */
    const struct members_one *owner;
    uint64_t end; /* the number behind the last record that may count */
    bool closed;  /* ended or fenced */
};

struct check_chains {
    struct store *store;
    struct keyring *keys;
    struct check_report *report;
    const struct cancel *cancel;
    struct state state; /* what the log says */
    struct check_chain log;
    struct chain_tip *seen; /* each log record that could be read, ascending */
    size_t seen_n;
    size_t seen_cap;
    bool log_read;
    struct check_strange *strange; /* met while it was */
    size_t strange_n;
    size_t strange_cap;
    bool damaged; /* something is missing of what journals say */
    bool forked;  /* reported: somebody has seen another log */
    struct check_segment *segment; /* named by journals; none twice of one
                                      member */
    size_t segment_n;
    size_t segment_cap;
    struct idmap named;            /* id -> the first of them */
    struct check_replaced *merged; /* as records say */
    size_t merged_n;
    size_t merged_cap;
    struct idmap replaced;       /* segments that others do stand for */
    struct check_commit *commit; /* snapshots; none twice of one member */
    size_t commit_n;
    size_t commit_cap;
    struct idmap committed; /* id -> the first of them */
};

/*
 * check_chains_read: read them.
 *   c  zeroed, but for store, keys, report and cancel
 * Returns 0, also when there was damage; E_UNSUPPORTED; E_CANCELED; E_NOMEM;
 * what the store or the report returned. c may be released then too.
 */
MUST_CHECK int check_chains_read(struct check_chains *c,
                                 const struct member_id *founder);
void check_chains_release(struct check_chains *c);

/* check_chains_more: fold in what the log has got since. */
MUST_CHECK int check_chains_more(struct check_chains *c);

/* check_chains_saw: somebody says that he read this log record. If it is not
 * there, or another, that is reported, once.
 *   who  name of the object that says so */
MUST_CHECK int check_chains_saw(struct check_chains *c, uint64_t number,
                                const struct object_id *id, const char *who);

#endif
