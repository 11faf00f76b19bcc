/*
 * collection.pml: writers, collectors, users who forget, and readers of one
 * repository, without locks. docs/concurrency.md says the same in prose; the
 * step names W1..W6, C1..C6, F1..F2, P1..P3 are the same there.
 *
 * One store operation is one atomic step. Between two steps of a process all
 * others may take any number of steps, and a process may stop for ever after
 * any step: a crash, a suspension, a request that is under way while its
 * sender sleeps. There is no clock: an open journal may be found "silent for
 * T" at any moment.
 *
 * One chunk, A, stands for all: the protocol treats each chunk by itself, and
 * a snapshot that does not reach A cannot hurt it. Every snapshot reaches A.
 *
 * NO_<check> takes one check out of the protocol; run.sh shows that each of
 * these mutants fails. WITNESS=n claims that a good thing never happens.
 */

/* ---- the size of the world: overridden with -D --------------------------- */
#ifndef NW
#define NW 2                    /* writers */
#endif
#ifndef NC
#define NC 1                    /* collectors */
#endif
#ifndef NU
#define NU 1                    /* users who forget and unforget */
#endif
#ifndef NR
#define NR 0                    /* readers who pin the old snapshot */
#endif
#ifndef MOVES
#define MOVES 0                 /* times that they move the pin to a new journal */
#endif
#ifndef STARTS
#define STARTS 1                /* journals per writer: a fenced one restarts */
#endif
#ifndef RENEWS
#define RENEWS 1                /* renewals per journal, at most */
#endif
#ifndef OPS
#define OPS 2                   /* log records per user, at most */
#endif
#ifndef ROUNDS
#define ROUNDS 1                /* collections per collector, at most */
#endif
#ifndef LOGMAX
#define LOGMAX 6                /* records in the log, at most */
#endif
#ifndef COPIES
#define COPIES 1                /* packs that hold A at the start */
#endif
#ifndef FORCE
#define FORCE true              /* false: the last snapshot may not go */
#endif
#ifndef LOST
#define LOST false              /* true: the reply to a put may get lost */
#endif
#ifndef LATE
#define LATE false              /* true: a pack's put may land once more */
#endif
#ifndef MISS
#define MISS false              /* true: a look-up may miss what is there */
#endif
#ifdef SPLIT
#define ONE_READ                /* the tip and each journal: a step each */
#else
#define ONE_READ atomic         /* tip and journals are read at one moment */
#endif

#define NWJ (NW * STARTS)       /* journals of writers: 0 .. NWJ-1 */
#define NJ  (NWJ + NR * (1 + MOVES))    /* then those of readers */

/* Sets of packs, of snapshots, of log records are bytes, a bit per member. */
#define BIT(x)      (1 << (x))
#define RBIT(j)     (1 << ((j) - NWJ))  /* of a reader's journal */
#define HAS(set, x) (((set) >> (x)) & 1)
#define ALL         255

/* Pack 0 and snapshot 0 are old; journal j may add one of each. */
#define OLD     0
#define OWN(j)  (1 + (j))       /* its pack, holding A */
#define MADE(j) (1 + (j))       /* its snapshot */
#define COPY    (1 + NWJ)       /* with COPIES = 2: A's second old pack */

/* What a writer counts on for A, if not a pack. */
#define TAKEN   14              /* the old snapshot's subtree, unseen */
#define NONE    15

/* ---- the store ------------------------------------------------------------ */

/* Log record i was computed from state(i-1). It never changes. */
mtype = { CONDEMN, DOOM, FORGET, UNFORGET };
typedef record {
    mtype kind;
    byte set;                   /* packs; (UN)FORGET: the snapshot */
    byte ref                    /* CONDEMN: the roots it marked;
                                   DOOM: the condemn that it decides */
};
record rec[LOGMAX + 1];
byte tip;                       /* number of the last record */

/* Journal records 0 .. top-1 are taken. What follows a fence is void. */
typedef journal {
    byte top;
    byte fence;                 /* the number of its fence; 0: none */
    byte gen;                   /* the tip that open or the last renew named */
    bool ended
};
journal jn[NJ];
byte listed;                    /* packs in segment records that count */
byte committed;                 /* snapshots with a commit record that counts */
byte pinned;                    /* readers' journals with a pin of the old
                                   snapshot that counts */

byte stored;                    /* pack objects that exist */
byte landing;                   /* packs whose put may land once more */

/* Kept for the properties only: no process looks at these. */
byte deleted;                   /* packs ever deleted */
byte reading;                   /* snapshots that a validated reader counts on */
byte by;                        /* ... by this journal of its */

#define OPEN_NOW(j) (jn[j].top > 0 && !jn[j].ended && !jn[j].fence)
#define CLOSED(j)   (jn[j].ended || jn[j].fence)

/* ---- state(n): what the log says up to record n ---------------------------- */
byte f_condemned;               /* packs under an undecided condemn */
byte f_doomed;                  /* packs */
byte f_forgotten;               /* snapshots */
byte f_undecided;               /* condemn records without a doom record */
byte f_marked;                  /* snapshots all of those had as roots */
byte i_;

/* A process looks at them within one step only, then clears them. */
inline clear() {
    f_condemned = 0; f_doomed = 0; f_forgotten = 0; f_undecided = 0;
    f_marked = 0
}

inline fold(n) {
    f_condemned = 0; f_doomed = 0; f_forgotten = 0; f_undecided = 0;
    i_ = 1;
    do
    :: i_ <= n ->
        if
        :: rec[i_].kind == CONDEMN ->
            f_condemned = f_condemned | rec[i_].set;
            f_undecided = f_undecided | BIT(i_)
        :: rec[i_].kind == DOOM ->      /* what it does not doom is rescued */
            f_condemned = f_condemned & ~rec[rec[i_].ref].set;
            f_undecided = f_undecided & ~BIT(rec[i_].ref);
            f_doomed = f_doomed | rec[i_].set
        :: rec[i_].kind == FORGET ->
            f_forgotten = f_forgotten | BIT(rec[i_].set)
        :: rec[i_].kind == UNFORGET ->
            f_forgotten = f_forgotten & ~BIT(rec[i_].set)
        fi;
        i_++
    :: else -> break
    od;
    f_marked = ALL;
    i_ = 1;
    do
    :: i_ <= n ->
        if
        :: HAS(f_undecided, i_) -> f_marked = f_marked & rec[i_].ref
        :: else
        fi;
        i_++
    :: else -> break
    od;
    i_ = 0;
#ifdef NO_DOOM_FINAL            /* gone is forgotten: there again is alive */
    f_doomed = f_doomed & ~(stored & deleted);
#endif
}

/* pick: x becomes any member of a set that is not empty. */
inline pick(x, set_) {
    x = 0;
    do
    :: HAS(set_, x) -> break
    :: (set_) >> (x + 1) -> x++
    od
}

/* ---- what must hold after every change of the store ------------------------ */
byte v_doomed;                  /* the truth, whatever a mutant believes */

inline check_store() {
    fold(tip);
    v_doomed = 0;
    i_ = 1;
    do
    :: i_ <= tip ->
        if
        :: rec[i_].kind == DOOM -> v_doomed = v_doomed | rec[i_].set
        :: else
        fi;
        i_++
    :: else -> break
    od;
    i_ = 0;
    /* I3: A has a live location while a snapshot or a valid pin reaches it */
    assert(!((committed & ~f_forgotten) | reading) ||
           (listed & stored & ~v_doomed));
    /* I4: what is gone was doomed before */
    assert(!(deleted & ~v_doomed));
    /* nobody takes the last snapshot away unasked */
    assert(FORCE || (committed & ~f_forgotten));
    clear()
}

#ifdef WITNESS
#define SEEN(n) assert((n) != WITNESS)
#else
#define SEEN(n) skip
#endif

/* ---- put-if-absent ----------------------------------------------------------- */

/* A log record counts only on the predecessor it was computed from (I11). */
inline log_append(kind_, set_, ref_) {
    tip++;
    rec[tip].kind = kind_;
    rec[tip].set = set_;
    rec[tip].ref = ref_;
    check_store();
    v_doomed = 0
}

mtype = { OPEN, SEGMENT, RENEW, COMMIT, PIN, END };

inline journal_append(what, arg) {
    jn[j].top++;
    if
    :: jn[j].fence              /* after a fence: void */
    :: else ->
        if
        :: what == OPEN || what == RENEW -> jn[j].gen = arg
        :: what == SEGMENT -> listed = listed | BIT(arg)
        :: what == COMMIT -> committed = committed | BIT(arg)
        :: what == PIN -> pinned = pinned | RBIT(j)
        :: what == END ->
            jn[j].ended = true;
            jn[j].gen = 0;
            if
            :: j >= NWJ ->      /* who has pinned in the next one goes on */
                pinned = pinned & ~RBIT(j);
                reading = (by == j && !(j + 1 < NJ && (pinned & RBIT(j + 1)))
                    -> 0 : reading);
                by++
            :: else
            fi
        fi;
        check_store();
        /* a snapshot is never built on what is doomed */
        assert(what != COMMIT || hit == TAKEN || !HAS(v_doomed, hit));
        v_doomed = 0
    fi
}

/*
 * journal_put: the caller's next record, number k of its journal j. A name
 * that is taken is read back: a fence, or my own record whose reply got lost.
 * Out: ok; k is then the next number.
 */
inline journal_put(what, arg) {
    do
    :: atomic {
        jn[j].top == k ->
        d_step { journal_append(what, arg) };
        if
        :: ok = true; k++; break
        :: LOST                 /* it is there, but the sender cannot know */
        fi
       }
    :: atomic {
        jn[j].top > k ->
        if
#ifndef NO_W3_FENCE
        :: jn[j].fence && jn[j].fence == k -> ok = false
#endif
#ifndef NO_READ_BACK
        :: else -> ok = true; k++
#else
        :: else -> ok = false
#endif
        fi;
        break
       }
    od
}

/* ---- writers ------------------------------------------------------------------- */

/* I6: may the old snapshot's subtree be taken over unseen? (after a fold) */
#ifdef NO_I6_UNFORGOTTEN
#define TAKEOVER HAS(f_marked, OLD)
#else
#ifdef NO_I6_MARKED
#define TAKEOVER (!HAS(f_forgotten, OLD))
#else
#define TAKEOVER (!HAS(f_forgotten, OLD) && HAS(f_marked, OLD))
#endif
#endif

/* W2: packs that a writer may count on (after a fold) */
#ifdef NO_W2_LIVE
#define LIVE (listed & ~f_doomed)
#else
#ifdef NO_W2_LISTED
#define LIVE (stored & ~f_condemned & ~f_doomed)
#else
#define LIVE (listed & ~f_condemned & ~f_doomed)
#endif
#endif

inline look_up() {
    d_step { fold(m) };
    if
    :: TAKEOVER -> hit = TAKEN
    :: LIVE -> pick(hit, LIVE)
    :: mine & ~listed & ~f_condemned & ~f_doomed -> pick(hit, mine)
    :: !LIVE || MISS -> hit = NONE
    fi;
    clear()
}

/* W4: is what the writer counts on still so in state(m)? */
inline recheck_hit() {
    d_step { fold(m) };
    if
#ifdef NO_W4_TAKEOVER
    :: hit == TAKEN -> ok = true
#else
    :: hit == TAKEN -> ok = TAKEOVER
#endif
#ifdef NO_W4_OWN
    :: hit < TAKEN && HAS(mine, hit) -> ok = true
    :: hit < TAKEN && !HAS(mine, hit) ->
        ok = !HAS(f_condemned | f_doomed, hit)
#else
    :: hit < TAKEN -> ok = !HAS(f_condemned | f_doomed, hit)
#endif
    fi;
    clear()
}

/* W3: the pack, then its segment record; a fence ends it all. */
inline store_own() {
    atomic {
        stored = stored | BIT(OWN(j));
        mine = mine | BIT(OWN(j));
        if
        :: LATE -> landing = landing | BIT(OWN(j))
        :: true
        fi
    };
    hit = OWN(j);
    list_hit()
}

inline list_hit() {
    journal_put(SEGMENT, hit);
    if
    :: ok
    :: else -> goto fenced
    fi
}

proctype writer(byte j)
{
    byte k;                     /* the next record of its journal */
    byte gen;                   /* the generation it names */
    byte m;                     /* the tip it read */
    byte hit = NONE;            /* what it counts on for A */
    byte mine;                  /* packs it put */
    byte renews;
    bool ok;

open_journal:                   /* W1 */
    atomic {
        gen = tip;
        renews = RENEWS;
        if                      /* writers are alike: they start in order */
        :: j + 1 < NW -> run writer(j + 1)
        :: else
        fi
    };
    journal_put(OPEN, gen);
    if
    :: ok
    :: else -> goto fenced
    fi;
    ONE_READ {
#ifdef NO_W1_REREAD
        m = gen;
#else
        m = tip;
#endif
#ifdef NO_RESTART_RECHECK
        if
        :: hit != NONE -> goto hit_known
        :: else
        fi;
#endif
        atomic { look_up(); m = 0 }     /* W2 */
    };
    if
    :: hit == NONE -> store_own()
    :: hit < TAKEN && HAS(mine, hit) && !HAS(listed, hit) -> list_hit()
    :: else
    fi;
hit_known:
    do                          /* W4 */
    :: renews > 0 ->
        atomic {
            renews--;
            m = tip;
            recheck_hit()
        };
        if
#ifdef NO_W4_RESTORE
        :: true -> gen = m
#else
        :: ok -> gen = m
        :: !ok && !HAS(mine, OWN(j)) ->
            store_own();
            gen = m;
            SEEN(6)
        :: !ok                  /* not now: the old generation once more */
#endif
        fi;
        m = 0;
        journal_put(RENEW, gen);
        if
        :: ok
        :: else -> goto fenced
        fi
    :: true -> break
    od;
    atomic {
        renews = 0;
        gen = 0
    };
#ifndef NO_W5_RECORD            /* W5 */
    journal_put(COMMIT, MADE(j));
#else                           /* the snapshot object makes it exist */
    d_step {
        committed = committed | BIT(MADE(j));
        ok = true;
        check_store();
        v_doomed = 0
    };
#endif
    if
    :: ok
    :: else -> goto fenced
    fi;
    atomic {                    /* its user is told "done" */
        assert(HAS(committed, MADE(j)));
        SEEN(j < NW -> 1 : 7);
        mine = 0;
        hit = NONE
    };
    journal_put(END, 0);        /* W6 */
    goto stop;

fenced:
    atomic {
        assert(jn[j].fence);    /* nothing else ends a writer */
        SEEN(4);
        k = 0; gen = 0; m = 0; renews = 0;
#ifndef NO_RESTART_RECHECK
        hit = NONE;
#endif
        if
        :: j + NW < NWJ -> j = j + NW; goto open_journal
        :: else
        fi
    };
stop:
    atomic { k = 0; ok = false; mine = 0; hit = NONE }
}

/* A fence is a journal record put by another, at the number just read. */
inline put_fence(x) {
    jn[x].fence = jn[x].top;
    jn[x].top++;
    jn[x].gen = 0;
    if
    :: x >= NWJ ->
        pinned = pinned & ~RBIT(x);
        reading = (by == x -> 0 : reading)
    :: else
    fi
}

/* ---- readers --------------------------------------------------------------------- */
proctype reader(byte j)
{
    byte k, m;
    byte hit = TAKEN;           /* it counts on all the old snapshot reaches */
    bool ok;

#if MOVES > 0                   /* else it begins with the pin: all the same */
    journal_put(OPEN, 0);
    if
    :: ok
    :: else -> goto stop
    fi;
#endif
#ifdef NO_P2_REREAD
    m = tip;
#endif
    journal_put(PIN, OLD);      /* P1 */
    if
    :: ok
    :: else -> goto stop
    fi;
#ifndef NO_P2_REREAD
    m = tip;                    /* P2 */
#endif
    atomic {
        d_step { fold(m) };
        if
        :: !HAS(f_forgotten, OLD) ->
            reading = (jn[j].fence -> 0 : BIT(OLD));
            by = j;
            SEEN(reading -> 3 : 0);
            d_step { check_store(); v_doomed = 0 }
        :: else -> clear()      /* gone: say so */
        fi;
        m = 0
    };
#if MOVES > 0                   /* pinned in a new journal, then the old one ends */
    do
    :: j + 1 < NJ ->
        j++; m = k; k = 0;
        journal_put(OPEN, 0);
        if
        :: ok
        :: else -> goto stop
        fi;
        journal_put(PIN, OLD);
        if
        :: ok
        :: else -> goto stop
        fi;
        atomic { j--; k = m };
        journal_put(END, 0);
        if
        :: ok                   /* nobody has ended it before */
        :: else -> goto stop
        fi;
        atomic { SEEN(reading -> 9 : 0); j++; k = 2; m = 0 }
    :: true -> break
    od;
#endif
    journal_put(END, 0);        /* P3 */
stop:
    atomic { k = 0; ok = false }
}

/* ---- the network: a pack's put, given up by its sender, lands at last ------------- */
proctype network()
{
    byte p;
end:
    do
    :: atomic {
        landing ->
        pick(p, landing);
        landing = landing & ~BIT(p);
        stored = stored | BIT(p);
        p = 0
       }
    od
}

/* ---- collectors ------------------------------------------------------------------ */

/* C3: a writer that may count on what condemn c condemns */
#ifdef NO_C3_READ               /* judged by the journals as C1 read them */
#define OLDER(i) (HAS(seen, i) && OPEN_NOW(i) && jn[i].gen < c)
#else
#define OLDER(i) (OPEN_NOW(i) && jn[i].gen < c)
#endif

/*
 * Pins: the journals of readers are listed, then those are read that are new or
 * have grown, one after the other, until a listing shows none.
 */
#if MOVES > 0
#ifdef NO_PINS_RECORDS          /* those that are new alone */
#define GROWN(x) (jn[x].top > 0 && !was[(x) - NWJ])
#else
#define GROWN(x) (jn[x].top > was[(x) - NWJ])
#endif
inline read_pins() {
    do
    :: d_step {
        fresh = 0;
        i = NWJ;
        do
        :: i < NJ ->
            fresh = fresh | (GROWN(i) -> RBIT(i) : 0);
            was[i - NWJ] = jn[i].top;
            i++
        :: else -> break
        od;
        i = 0
       };
        if
        :: !fresh -> break
        :: else
        fi;
        do                      /* in any order: ids are random */
        :: atomic { fresh ->
            pick(i, fresh);
            pins = pins | (pinned & BIT(i));
            fresh = fresh & ~BIT(i);
            i = 0 }
        :: !fresh -> break
        od
#ifdef NO_PINS_AGAIN
        ; break
#endif
    od;
    atomic {
        fresh = 0;
        i = NWJ;
        do
        :: i < NJ -> was[i - NWJ] = 0; i++
        :: else -> break
        od;
        pins = (pins -> BIT(OLD) : 0);
        i = 0
    }
}
#else
inline read_pins() {
    atomic { pins = (pinned -> BIT(OLD) : 0); i = 0 }
}
#endif

/* All journals, one after the other: commits, pins, packs of those at work. */
inline read_journals() {
    atomic { busy = 0; pins = 0; commits = BIT(OLD); i = 0 };
    do
    :: d_step { i < NWJ ->
        commits = commits | (committed & BIT(MADE(i)));
        busy = busy | (CLOSED(i) -> 0 : BIT(OWN(i)));
        i++ }
    :: i >= NWJ -> break
    od;
    read_pins()
}

inline remove(packs) {
    atomic {
        d_step {
            stored = stored & ~packs;
            deleted = deleted | packs;
            check_store();
            v_doomed = 0
        };
        SEEN(packs -> 2 : 0)
    }
}

proctype collector(byte self)
{
    byte n;                     /* the tip it read */
    byte c;                     /* the condemn record it works for */
    byte commits, pins, busy;   /* from the journals */
    byte roots;                 /* snapshots */
    byte set;                   /* packs to condemn or to doom */
    byte i, top, rounds;
#if MOVES > 0
    byte fresh;                 /* readers' journals that are to be read */
    byte was[NJ - NWJ];         /* records, as listed before */
#endif
#ifdef NO_C3_READ
    byte seen;
#endif
#ifdef NO_C4_COMMITS
    byte first;
#endif

mark:                           /* C1 */
    ONE_READ {
    atomic {
        n = tip;
        if                      /* collectors are alike: they start in order */
        :: self + 1 < NC -> run collector(self + 1); self = NC
        :: else
        fi;
        d_step { fold(n) };
        if
        :: n >= LOGMAX -> clear(); goto stop
        :: n < LOGMAX && f_undecided ->
            pick(c, f_undecided);
            clear();
            goto settle
        :: n < LOGMAX -> clear()        /* a new one, even beside others */
        fi;
        if
        :: NR && OPEN_NOW(NWJ) -> put_fence(NWJ)        /* a silent reader */
#if MOVES > 0
        :: OPEN_NOW(NWJ + 1) -> put_fence(NWJ + 1)
#endif
        :: true
        fi
    };
    read_journals();
    atomic {
        d_step { fold(n) };
#ifdef NO_C1_OPEN
        busy = 0;
#endif
        roots = (commits & ~f_forgotten) | pins;
        set = stored & ~f_condemned & ~f_doomed & ~busy;
        if
        :: !roots
        :: roots && (listed & ~f_condemned & ~f_doomed) ->   /* one stays */
            pick(i, (listed & ~f_condemned & ~f_doomed));
            set = set & ~BIT(i);
            i = 0
        :: roots && !(listed & ~f_condemned & ~f_doomed) -> set = 0
        fi;
        clear();
#ifdef NO_C3_READ
        seen = 0;
        if
        :: NWJ > 0 && OPEN_NOW(0) -> seen = seen | BIT(0)
        :: else
        fi;
        if
        :: NWJ > 1 && OPEN_NOW(NWJ - 1) -> seen = seen | BIT(NWJ - 1)
        :: else
        fi;
#endif
#ifdef NO_C4_COMMITS
        first = commits;
#endif
        commits = 0; pins = 0; busy = 0;
        if
        :: !set -> goto stop
        :: else
        fi
    }
    };
    atomic {                    /* C2 */
        if
#ifndef NO_C2_TIP
        :: tip == n ->
#else
        :: tip < LOGMAX ->
#endif
            d_step { log_append(CONDEMN, set, roots) };
            /* nobody takes from a writer at work what it stored itself */
            assert(!(NWJ > 0 && OPEN_NOW(0) && HAS(set, OWN(0))));
            assert(!(NWJ > 1 && OPEN_NOW(NWJ - 1) && HAS(set, OWN(NWJ - 1))));
            c = tip;
            n = 0; set = 0; roots = 0
        :: else -> n = 0; set = 0; roots = 0; goto mark
        fi
    };

settle:                         /* C3 */
    i = 0;
    do
    :: i < NWJ ->
        if
        :: atomic { !OLDER(i) -> i++ }
        :: atomic { OLDER(i) -> top = jn[i].top };
            if
            :: true -> atomic {                 /* silent for T: fence it */
#ifdef NO_C3_FENCE
                i++;
#else
                if
                :: jn[i].top == top -> put_fence(i); i++
                :: else                         /* it was faster */
#ifdef NO_C3_AGAIN
                    -> i++
#endif
                fi;
#endif
                top = 0 }
#ifdef NO_C3_DEFER
            :: true -> top = 0; i++
#else
            :: true -> top = 0; goto stop       /* at work: a later run */
#endif
            fi
        fi
    :: else -> break
    od;

decide:                         /* C4 */
    ONE_READ {
#ifdef NO_C4_ORDER
    read_journals();
#endif
    atomic {
        i = 0;
        n = tip;
        d_step { fold(n) };
        if
        :: n >= LOGMAX || !HAS(f_undecided, c) -> clear(); goto stop
        :: else -> clear()
        fi
    };
#ifndef NO_C4_ORDER
    read_journals();
#endif
    atomic {
#ifdef NO_C4_TIP
        d_step { fold(c) };
#else
        d_step { fold(n) };
#endif
#ifdef NO_C4_COMMITS
        commits = first;
#endif
        roots = (commits & ~f_forgotten) | pins;
        commits = 0; pins = 0; busy = 0;
        set = rec[c].set;
#ifdef NO_C4_RESCUE
        roots = 0;
#endif
        if                      /* rescue, so that A keeps a location */
        :: roots && !(listed & ~f_doomed & ~set) ->
            SEEN(5);
            pick(i, (listed & set));
            set = set & ~BIT(i);
            i = 0
        :: else
        fi;
        clear();
        roots = 0
    }
    };
#ifdef NO_C6_DOOMED
    remove(set);
#endif
    atomic {                    /* C5 */
        if
#ifdef NO_C5_TIP
        :: tip < LOGMAX -> d_step { log_append(DOOM, set, c) }
#else
        :: tip == n -> d_step { log_append(DOOM, set, c) }
#endif
        :: else -> n = 0; set = 0; goto decide
        fi;
        if
        :: true
        :: LOST -> n = 0; set = 0; goto decide  /* taken: compute again */
        fi
    };
#ifndef NO_C6_DOOMED
    remove(set);                /* C6 */
#endif
    atomic {
        set = 0; n = 0; c = 0;
        rounds++;
        if
        :: rounds < ROUNDS -> goto mark
        :: else
        fi
    };
stop:
    atomic {
        n = 0; c = 0; set = 0; roots = 0; i = 0; top = 0; rounds = 0; self = 0
    }
}

#ifdef NO_FORGET_TIP
#define FORGET_TIP (tip < LOGMAX)
#else
#define FORGET_TIP (tip == t)
#endif
#ifdef NO_UNFORGET_TIP
#define UNFORGET_TIP (tip < LOGMAX)
#else
#define UNFORGET_TIP (tip == t)
#endif

/* ---- users -------------------------------------------------------------------------- */
proctype user(byte self)
{
    byte t, s, ops;
    bool back;

    atomic {                    /* users are alike: they start in order */
        ops = OPS;
        if
        :: self + 1 < NU -> run user(self + 1)
        :: else
        fi;
        self = 0
    };

    do
    :: ops > 0 ->
        ops--;
again:
        atomic {                /* F1: read the tip, compute */
            t = tip;
            d_step { fold(t) };
            if
            :: t < LOGMAX && (committed & ~f_forgotten) ->
                pick(s, (committed & ~f_forgotten));
                if
                :: FORCE || (committed & ~f_forgotten & ~BIT(s))
                :: else -> clear(); break
                fi
            :: t < LOGMAX && f_forgotten ->
                pick(s, f_forgotten);
                back = true;
#ifndef NO_UNFORGET_CHECK
                if
                :: listed & ~f_doomed
                :: else -> clear(); break
                fi
#endif
            :: t >= LOGMAX -> clear(); break
            fi;
            clear()
        };
        atomic {                /* F2: put on that tip, or compute again */
            if
            :: back && UNFORGET_TIP ->
                SEEN(rec[t].kind == CONDEMN -> 8 : 0);
                d_step { log_append(UNFORGET, s, 0) }
            :: !back && FORGET_TIP -> d_step { log_append(FORGET, s, 0) }
            :: else -> t = 0; s = 0; back = false; goto again
            fi;
            t = 0; s = 0; back = false
        }
    :: true -> break
    od;
    atomic { t = 0; s = 0; ops = 0; back = false }
}

init {
    atomic {
        stored = BIT(OLD) | (COPIES > 1 -> BIT(COPY) : 0);
        listed = stored;
        committed = BIT(OLD);
        if
        :: NW > 0 -> run writer(0)
        :: else
        fi;
        if
        :: NC > 0 -> run collector(0)
        :: else
        fi;
        if
        :: NU > 0 -> run user(0)
        :: else
        fi;
        if
        :: NR > 0 -> run reader(NWJ)
        :: else
        fi;
        if
        :: LATE -> run network()
        :: else
        fi
    }
}
