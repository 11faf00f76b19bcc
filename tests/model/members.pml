/*
 * members.pml: members that come and go (docs/concurrency.md 14). One member
 * is added and removed; its key is in two hands, an honest writer's and a
 * thief's, and nobody can tell whose a record is. A record of a journal is a
 * bit; what matters of it is whether somebody counts on it: the writer told
 * its user "done", another writer found a location in it, a log record was
 * computed from it.
 *
 * NO_<check> takes one check out. FENCED is the protocol that was first
 * stated: fences in the member's journals instead of a look at the log after
 * what one counts on.
 */
#ifndef NH
#define NH 1                    /* runs of the honest writer, a journal each */
#endif
#ifndef NT
#define NT 2                    /* journal records that the thief puts, at most */
#endif
#ifndef NV
#define NV 0                    /* other writers, who find locations */
#endif
#ifndef ND
#define ND 0                    /* others who put a log record (C4, F1) */
#endif
#ifndef NR
#define NR 1                    /* readers */
#endif
#ifndef CATCHUPS
#define CATCHUPS 2              /* per reader */
#endif
#ifndef NA
#define NA 1                    /* full keys that remove the member */
#endif
#ifndef CRASHES
#define CRASHES 0               /* of each remover: it then begins again */
#endif
#ifndef JUNK
#define JUNK 0                  /* log records that a thief puts */
#endif
#ifndef ADDED
#define ADDED 0                 /* 1: the member is added while all run */
#endif
#ifndef RIVALS
#define RIVALS 0                /* 1: two full keys remove each other */
#endif
#ifndef POWER
#define POWER 0                 /* 1: the power may fail once */
#endif
#define LOGMAX  7
#if NT
#define NJ      (NH + 1)        /* the last journal is the thief's own */
#else
#define NJ      NH
#endif
#define JMAX    3               /* records in a journal; an honest run puts 2 */

#define BIT(x, k)   (1 << ((x) * JMAX + (k)))
#define HAS(set, n) (((set) >> (n)) & 1)
#define JOURNAL(x)  (7 << ((x) * JMAX))
#define MEMBER  2               /* the one that comes and goes; 0, 1: full keys */

/* ---- the store ---------------------------------------------------------------- */
mtype = { ADD, LEAVE, REMOVE, OTHER };
mtype = { ACTIVE, LEAVING, REMOVED, UNKNOWN };
typedef record {
    mtype kind;
    byte by, whom;              /* who signed it; who leaves */
    byte base;                  /* the tip that it was computed from */
    short cut                   /* REMOVE: the records that stand */
};
record rec[LOGMAX + 1];         /* the log; record 0 is always there */
byte tip;
short there;                    /* journal records that exist */
short ends;                     /* those of them that are an end or a fence */
short durable;                  /* those that will stay */
short own;                      /* those of the honest writer: only it can tell */

short late;                     /* for the properties: put after the removal */
short relied;                   /* ... somebody counts on these */
bool removed;                   /* ... a remover reported that it is done */

/* ---- what a process reads -------------------------------------------------------- */
byte i_, x_, k_, last_;
mtype st0_, st1_, st_;          /* standings of the full keys and the member */
short cut_, c_, r_;
bool ok_, ended_;

#define STANDING(m) (m == 0 -> st0_ : (m == 1 -> st1_ : st_))

/* All of these are looked at within one step only, then cleared. */
inline clear() {
    i_ = 0; x_ = 0; k_ = 0; last_ = 0; st0_ = 0; st1_ = 0; st_ = 0;
    cut_ = 0; c_ = 0; r_ = 0; ok_ = 0; ended_ = 0
}

/*
 * The members of state(n). A members record replaces the whole list: one that
 * was not computed from the list before it lacks what that brought, and is
 * void like one that is signed by who is no active full member.
 */
inline fold(n) {
    st0_ = ACTIVE; st1_ = ACTIVE; st_ = (ADDED -> UNKNOWN : ACTIVE);
    cut_ = 0; last_ = 0;
    i_ = 1;
    do
    :: i_ <= n ->
        if
#ifndef NO_SIGNER
        :: rec[i_].by == MEMBER || STANDING(rec[i_].by) != ACTIVE -> skip
#endif
        :: rec[i_].kind == OTHER || rec[i_].base < last_ -> skip
        :: else ->
            if
            :: rec[i_].kind == ADD && st_ == UNKNOWN ->
                st_ = ACTIVE; last_ = i_
            :: rec[i_].kind == LEAVE && rec[i_].whom == MEMBER &&
               st_ == ACTIVE -> st_ = LEAVING; last_ = i_
            :: rec[i_].kind == LEAVE && rec[i_].whom == 0 &&
               st0_ == ACTIVE -> st0_ = LEAVING; last_ = i_
            :: rec[i_].kind == LEAVE && rec[i_].whom == 1 &&
               st1_ == ACTIVE -> st1_ = LEAVING; last_ = i_
            :: rec[i_].kind == REMOVE && rec[i_].whom == MEMBER &&
#ifdef NO_M3_LEAVING
               st_ == ACTIVE ->
#else
               st_ == LEAVING ->
#endif
                st_ = REMOVED; cut_ = rec[i_].cut; last_ = i_
            :: rec[i_].kind == REMOVE && rec[i_].whom == 0 &&
               st0_ == LEAVING -> st0_ = REMOVED; last_ = i_
            :: rec[i_].kind == REMOVE && rec[i_].whom == 1 &&
               st1_ == LEAVING -> st1_ = REMOVED; last_ = i_
            :: else
            fi
        fi;
        i_++
    :: else -> break
    od;
    i_ = 0; last_ = 0
}

/* c_: those of set that count: none behind an end (R5). */
inline counted(set) {
    c_ = 0; x_ = 0;
    do
    :: x_ < NJ ->
        k_ = 0; ended_ = 0;
        do
        :: k_ < JMAX ->
            if
            :: !ended_ && (set & BIT(x_, k_)) ->
                c_ = c_ | BIT(x_, k_);
                ended_ = ((ends & BIT(x_, k_)) != 0)
            :: else
            fi;
            k_++
        :: else -> break
        od;
        x_++
    :: else -> break
    od;
    x_ = 0; k_ = 0; ended_ = 0
}

/* c_: what counts of the member's journals in the state that was folded. */
inline say() {
    if
#ifndef NO_M1_SAYS
    :: st_ == UNKNOWN -> c_ = 0                             /* M1 */
#endif
    :: st_ == REMOVED ->
#ifdef NO_CUT
        counted(there)
#else
        counted(there & cut_)
#endif
    :: else -> counted(there)
    fi
}

/* ---- what must always hold --------------------------------------------------------- */
inline check() {
    fold(tip);
    assert(st0_ == ACTIVE || st1_ == ACTIVE);   /* somebody can go on */
    assert(!removed || st_ == REMOVED);         /* reported, so removed */
    if
    :: st_ == REMOVED ->
        say();
        assert(!(relied & ~c_))                 /* counted on, so it counts */
    :: else
    fi;
    clear()
}

#ifdef WITNESS
#define SEEN(n, when) assert(!((n) == WITNESS && (when)))
#else
#define SEEN(n, when) skip
#endif

/* ok_: the record is there, on the tip that it was computed from (R1). */
inline log_put(kind_, by_, whom_, cut__, base_) {
    ok_ = false;
    if
#ifdef NO_R1
    :: tip < LOGMAX ->
#else
    :: tip < LOGMAX && tip == base_ ->
#endif
        tip++;
        rec[tip].kind = kind_; rec[tip].by = by_; rec[tip].whom = whom_;
        rec[tip].base = base_; rec[tip].cut = cut__;
        ok_ = true
    :: else
    fi
}

/* A record of the member's, whoever puts it. */
inline journal_put(b) {
    there = there | (b);
    fold(tip);
    if
    :: st_ == REMOVED -> late = late | (b)
    :: else
    fi
}

/* ---- the honest writer ----------------------------------------------------------------- */

/* A put is two steps when the power may fail. */
inline put(b) {
    atomic {
        if
        :: there & (b) -> goto out            /* taken: ended by another */
        :: else -> d_step { own = own | (b); journal_put(b); check() }
        fi
    };
#if POWER
    atomic {
        if
        :: own & (b) -> durable = durable | (b)
        :: else -> goto out                     /* lost before it returned */
        fi
    }
#endif
}

proctype writer(byte j)
{
#ifdef FENCED
    bool seen;

#endif
    put(BIT(j, 0));                             /* open, segment */
#ifdef FENCED
    atomic {                                    /* W1: the second read */
        d_step { fold(tip); seen = (st_ == ACTIVE); clear() };
        if
        :: !seen -> goto out
        :: else -> seen = false
        fi
    };
#endif
    put(BIT(j, 1));                             /* commit */
    atomic {
        d_step {
            fold(tip);                          /* M7: the tip, after it */
            if
#if !defined(NO_W5_LOOK) && !defined(FENCED)
            :: st_ != ACTIVE
#endif
            :: else ->
                relied = relied | BIT(j, 1)
            fi;
            clear();
            check()
        }
    };
out:
    skip
}

/* ---- the thief --------------------------------------------------------------------------- */
proctype thief()
{
    byte n, k;

    do
    :: n < NT -> atomic {
        n++;
        k = 0;
        do                                      /* any free number */
        :: k < NJ * JMAX - 1 -> k++
        :: break
        od;
        if
        :: there & (1 << k) -> skip
        :: else ->
            if
            :: true
            :: ends = ends | (1 << k)
            fi;
            d_step { journal_put(1 << k); SEEN(1, late); check() }
        fi;
        k = 0 }
    :: break
    od
}

/* It forges what would suit it: that its records all stand; that the full
 * key, which is not to be trusted either in RIVALS, removes the other. */
proctype forger()
{
    byte n;

    do
    :: n < JUNK -> atomic {
        n++;
        if
#if RIVALS
        :: d_step { log_put(LEAVE, 1, 0, 0, tip); clear(); check() }
#else
        :: d_step { log_put(REMOVE, MEMBER, MEMBER, -1, tip); clear(); check() }
        :: d_step { log_put(LEAVE, MEMBER, 0, 0, tip); clear(); check() }
#endif
        fi }
    :: break
    od
}

/* ---- full keys ------------------------------------------------------------------------------ */
proctype adder()
{
    byte t;

again:
    atomic { t = tip };
    atomic {
        d_step { log_put(ADD, 0, MEMBER, 0, t) };
        if
        :: ok_ || tip == LOGMAX -> d_step { clear(); check(); t = 0 }
        :: else -> clear(); goto again
        fi
    }
}

#ifdef FENCED
/* A number behind the last record of a journal that has no end. */
inline fence(x) {
    counted(there & JOURNAL(x));
    if
    :: (c_ & ends) || !(there & JOURNAL(x)) || (there & BIT(x, JMAX - 1))
    :: else ->
        k_ = JMAX - 1;
        do
        :: !(there & BIT(x, k_ - 1)) -> k_--
        :: else -> break
        od;
        ends = ends | BIT(x, k_);
        there = there | BIT(x, k_);
        durable = durable | BIT(x, k_)
    fi
}
#endif

proctype remover(byte me, whom)
{
    byte t, x, crashes;
    mtype s;
    short cut;

begin:
    atomic {
        cut = 0; x = 0;
        d_step {
            t = tip;
            fold(t);
            s = STANDING(whom);
            if
            :: STANDING(me) != ACTIVE -> s = UNKNOWN
            :: else
            fi;
            clear()
        };
        if
        :: s == UNKNOWN -> s = 0; t = 0; goto out
        :: s == REMOVED -> goto done
#ifdef NO_M3_LEAVING
        :: s == ACTIVE -> skip
#elif defined(NO_M3_AFTER)
        :: s == ACTIVE || s == LEAVING -> skip
#else
        :: s == ACTIVE ->
            d_step { log_put(LEAVE, me, whom, 0, t); clear(); check() };
            goto retry
#endif
        :: s == LEAVING -> skip
        fi
    };
#ifdef FENCED
    do
    :: x < NJ -> atomic { d_step { fence(x); clear(); check() }; x++ }
    :: else -> x = 0; break
    od;
#endif
    do                                          /* M3.2, journal by journal */
    :: whom == MEMBER && x < NJ -> atomic {
        d_step {
            cut = cut | (there & JOURNAL(x));
#ifdef NO_CUT_EXACT
            if                                  /* how many, not which */
            :: there & BIT(x, 2) -> cut = cut | JOURNAL(x)
            :: else
            fi;
#endif
#ifndef NO_SETTLE_CUT
            durable = durable | (there & JOURNAL(x));
#endif
            x++
        } }
    :: whom != MEMBER || x == NJ -> break
    :: crashes < CRASHES -> crashes++; goto begin
    od;
#ifdef NO_M3_REREAD
put_again:
#endif
    atomic {
#ifdef NO_M3_AFTER
        if
        :: s == ACTIVE ->
            d_step { log_put(LEAVE, me, whom, 0, t); t = tip; clear(); check() }
        :: else
        fi;
#endif
        d_step {
            log_put(REMOVE, me, whom, cut, t);  /* M3.3 */
            if
            :: ok_ -> s = REMOVED
            :: else -> s = 0
            fi;
            clear();
            check()
        };
        if
        :: s == REMOVED -> cut = 0; x = 0; goto done
        :: else
        fi
    };
retry:
    atomic {
        if
#ifdef NO_M3_REREAD
        :: tip < LOGMAX && x -> x = 0; t = tip; goto put_again
#endif
        :: tip < LOGMAX -> goto begin
        :: else -> t = 0; s = 0; cut = 0; x = 0; goto out /* the model's log is full */
        fi
    };
done:
    skip;
    d_step {
        if
        :: whom == MEMBER -> removed = true
        :: else
        fi;
        SEEN(2, whom == MEMBER && relied);
        SEEN(3, me == 1 && whom == MEMBER);
        t = 0; s = 0; x = 0; cut = 0; crashes = 0;
        check()
    };
out:
    skip
}

/* ---- who counts on the member's records -------------------------------------------------------- */
inline pick(r, set_) {
    r = 0;
    do
    :: (set_) & (1 << r) -> break
    :: (set_) >> (r + 1) -> r++
    od
}

/* W2: a location in what the member listed. */
proctype other()
{
    byte r;
    bool hit;

    atomic {
        d_step { fold(tip); say(); r_ = c_ & own };
        if
        :: r_ -> pick(r, r_); hit = true
        :: else
        fi;
        clear()
    };
    atomic {
        if
        :: hit ->
#ifndef NO_SETTLE_COUNTED
            if
            :: there & (1 << r) -> durable = durable | (1 << r)
            :: else -> hit = false              /* lost meanwhile */
            fi
#endif
        :: else
        fi
    };
    atomic {
        d_step {
            fold(tip);                          /* M7 */
            say();
            if
            :: !hit -> skip
#if !defined(NO_W2_LOOK) && !defined(FENCED)
            :: hit && (st_ == LEAVING || !(c_ & (1 << r))) -> skip
#endif
            :: else ->
                relied = relied | (1 << r);
                SEEN(4, st_ == ACTIVE);
                SEEN(5, st_ == REMOVED)
            fi;
            clear();
            r = 0; hit = 0;
            check()
        }
    }
}

/* C4, F1: a log record that is right because of what the member put. */
proctype decider()
{
    byte t, r;
    bool good;

    atomic { t = tip };
    atomic {
        d_step {
            fold(t);
            say();
            r_ = c_ & own
        };
        if
        :: r_ -> pick(r, r_); good = true
        :: else
        fi;
        clear()
    };
    atomic {
        if
        :: good ->
            d_step {
#ifndef NO_SETTLE_COUNTED
                if
                :: there & (1 << r) -> durable = durable | (1 << r)
                :: else -> good = false
                fi;
#endif
                log_put(OTHER, 0, 0, 0, t);
                if
                :: ok_ && good -> relied = relied | (1 << r); SEEN(6, 1)
                :: else
                fi;
                clear();
                check()
            }
        :: else
        fi;
        t = 0; r = 0; good = 0
    }
}

/* ---- readers ----------------------------------------------------------------------------------- */

/* Catches up: the log, then the journals one by one, each from its mark on;
 * the mark stays before the first number that is missing (D3). */
proctype reader()
{
    byte n, t, x;
    byte mark[NJ];
    short taken, told;

    do
    :: n < CATCHUPS ->
        atomic {
            n++;
            told = relied;
            t = tip;
            d_step {
                fold(t);
                say();
                if
#ifndef NO_M4
                :: st_ == REMOVED && (taken & ~c_) ->
                    SEEN(7, 1);
                    taken = 0;                  /* made anew */
                    x = 0;
                    do
                    :: x < NJ -> mark[x] = 0; x++
                    :: else -> break
                    od;
                    x = 0
#endif
                :: else
                fi;
                clear()
            }
        };
        do
        :: x < NJ -> atomic { d_step {
            fold(t);
            say();
            c_ = c_ & JOURNAL(x);
            c_ = c_ >> (x * JMAX + mark[x]);
            taken = taken | (c_ << (x * JMAX + mark[x]));
            if
#ifndef NO_M1_MARK
            :: st_ == UNKNOWN -> SEEN(8, there)
#endif
            :: else ->
                do
                :: mark[x] < JMAX && (there & BIT(x, mark[x])) -> mark[x]++
                :: else -> break
                od
            fi;
            clear();
            x++ } }
        :: else -> break
        od;
        atomic { d_step {
            x = 0;
            assert(!(told & ~taken));           /* done, so everybody sees it */
            fold(t);
            if
            :: st_ == REMOVED ->
                assert(!(taken & late));        /* nothing new counts */
                counted(there & cut_);
                assert(taken == c_)             /* and all agree */
            :: st_ == UNKNOWN -> assert(!taken)
            :: else
            fi;
            clear();
            told = 0; t = 0 } }
    :: else -> break
    od;
    atomic {
        taken = 0; n = 0;
        do
        :: x < NJ -> mark[x] = 0; x++
        :: else -> break
        od;
        x = 0
    }
}

/* ---- the power ----------------------------------------------------------------------------------- */
proctype power()
{
    byte k;

    atomic {
        do
        :: k < NJ * JMAX ->
            if
            :: there & ~durable & (1 << k) ->
                there = there & ~(1 << k); late = late & ~(1 << k);
                ends = ends & ~(1 << k); own = own & ~(1 << k)
            :: durable = durable | (there & (1 << k))
            fi;
            k++
        :: else -> break
        od;
        k = 0;
        d_step { check() }
    }
}

init {
    byte n;

    atomic {
#if !POWER
        durable = -1;
#endif
        n = 0;
        do
        :: n < NH -> run writer(n); n++
        :: else -> break
        od;
        n = 0;
        do
        :: n < NV -> run other(); n++
        :: else -> break
        od;
        n = 0;
        do
        :: n < ND -> run decider(); n++
        :: else -> break
        od;
        n = 0;
        do
        :: n < NR -> run reader(); n++
        :: else -> break
        od;
        n = 0;
        do
        :: n < NA -> run remover(n, MEMBER); n++
        :: else -> break
        od;
        n = 0;
#if NT
        run thief();
#endif
#if JUNK
        run forger();
#endif
#if ADDED
        run adder();
#endif
#if RIVALS
        run remover(0, 1);
        run remover(1, 0);
#endif
#if POWER
        run power();
#endif
    }
}
