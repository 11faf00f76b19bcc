/*
 * base.pml: the log and ended journals are folded into base records, and what
 * is below a base is deleted (C7). The dangers are names that are free again:
 * a sleeper puts its record on a deleted number, or takes a deleted number
 * for the end of the log. One chunk A in one pack; a log record that forgets
 * takes every snapshot; condemn, doom and delete are about that one pack.
 * NO_<check> takes one check out, as in collection.pml.
 */
#ifndef NW
#define NW 1                    /* writers */
#endif
#ifndef NC
#define NC 1                    /* collectors */
#endif
#ifndef NF
#define NF 1                    /* folders */
#endif
#ifndef FOLDS
#define FOLDS 1                 /* bases per folder, at most */
#endif
#ifndef OPS
#define OPS 2                   /* records per user, at most */
#endif
#ifndef LOGMAX
#define LOGMAX 6
#endif
#ifndef LATE
#define LATE false              /* true: a commit's put may land once more */
#endif

#define BIT(x)      (1 << (x))
#define HAS(set, x) (((set) >> (x)) & 1)
#define OLD     0               /* the old snapshot */
#define MADE(j) (1 + (j))       /* writer j's */

/* ---- the store ------------------------------------------------------------ */
mtype = { CONDEMN, DOOM, FORGET, UNFORGET, BASE };
typedef record {
    mtype kind;
    byte ref                    /* FORGET: snapshots; DOOM: 1, or 0 = rescue;
                                   BASE: forgotten snapshots that it drops */
};
record rec[LOGMAX + 1];         /* what the log says; bases keep it readable */
byte tip;                       /* number of the last record that counts */
byte base;                      /* number of the newest base; log/0 is one */
byte here;                      /* log records that exist as objects */
byte stray;                     /* ... put on a deleted number: void */

/* Is record b there, and the one that was read? Its hash tells. */
#ifdef NO_BASE_SAME
#define ALIVE(b) HAS(here, b)
#else
#define ALIVE(b) HAS(here & ~stray, b)
#endif

/* Journal j: open (0), commit (1), end (2), or a fence at 1 or 2. */
typedef journal {
    byte there;                 /* records that exist as objects */
    byte fence;                 /* the number of its fence; 0: none */
    byte gen;
    bool folded                 /* named by a base as folded */
};
journal jn[NW];
byte landing;                   /* journals whose commit may land once more */

#define CLOSED(j)   (jn[j].fence || HAS(jn[j].there, 2) || jn[j].folded)
#define OPEN_NOW(j) (HAS(jn[j].there, 0) && !CLOSED(j))

byte kept = BIT(OLD);           /* commits folded into the base */
bool gone;                      /* the pack was deleted */

/* ---- state(n) --------------------------------------------------------------- */
byte f_forgotten, f_condemn;    /* snapshots; the undecided condemn, 0: none */
bool f_doomed;
byte i_;

inline clear() { f_forgotten = 0; f_condemn = 0; f_doomed = false }

inline fold(n) {
    f_forgotten = 0; f_condemn = 0; f_doomed = false;
    i_ = 1;
    do
    :: i_ <= n ->
        if
        :: rec[i_].kind == CONDEMN -> f_condemn = i_
        :: rec[i_].kind == DOOM -> f_doomed = rec[i_].ref; f_condemn = 0
        :: rec[i_].kind == FORGET -> f_forgotten = f_forgotten | rec[i_].ref
        :: rec[i_].kind == UNFORGET -> f_forgotten = 0
        :: rec[i_].kind == BASE -> f_forgotten = f_forgotten & ~rec[i_].ref
        fi;
        i_++
    :: else -> break
    od;
    i_ = 0
}

/* Commits in journals that count, and those a base has folded. */
byte f_committed;
#ifdef NO_FOLDED_NAMED
#define COMMIT_COUNTS(j) (HAS(jn[j].there, 1) && jn[j].fence != 1)
#else
#define COMMIT_COUNTS(j) \
    (HAS(jn[j].there, 1) && jn[j].fence != 1 && !jn[j].folded)
#endif
inline read_commits() {
    f_committed = kept;
    i_ = 0;
    do
    :: i_ < NW ->
        if
        :: COMMIT_COUNTS(i_) -> f_committed = f_committed | BIT(MADE(i_))
        :: else
        fi;
        i_++
    :: else -> break
    od;
    i_ = 0
}

/* ---- what must hold after every change of the store --------------------------- */
byte told;                      /* snapshots whose writers said "done" */
byte dropped;                   /* snapshots that a base dropped as forgotten */

inline check_store() {
    fold(tip);
    read_commits();
    /* I3: a snapshot that exists can be read */
    assert(!(f_committed & ~f_forgotten) || !f_doomed);
    /* I4: deleted only when doomed by a record that counts */
    assert(!gone || f_doomed);
    /* what was told done exists until it is forgotten */
    assert(!(told & ~f_committed & ~dropped));
    f_committed = 0;
    clear()
}

#ifdef WITNESS
#define SEEN(n) assert((n) != WITNESS)
#else
#define SEEN(n) skip
#endif

/* ---- reading and extending the log ---------------------------------------------- */

/*
 * read_tip: from the base b that the process knows, go up until a number is
 * missing; then b must still exist. Deletion goes upwards, so a number that
 * is missing because it was deleted implies that b is gone as well - though a
 * stray may have taken its name.
 */
inline read_tip() {
    do
    :: atomic {
        t < LOGMAX && HAS(here, t + 1) ->
        t++;
        b = (rec[t].kind == BASE && !HAS(stray, t) -> t : b)
       }
    :: atomic { t == LOGMAX || !HAS(here, t + 1) };
#ifdef NO_BASE_ALIVE
        break
#else
        if
        :: atomic { ALIVE(b) -> break }
        :: atomic { !ALIVE(b) -> b = base; t = base }   /* list again */
        fi
#endif
    od
}

/* log_put: record t + 1; afterwards b must still exist, or the record may
 * have landed below a base, where it is void: compute again. */
inline log_put(kind_, ref_, again) {
    atomic {
        if
        :: t < LOGMAX && !HAS(here, t + 1) ->
            here = here | BIT(t + 1);
            if
            :: t == tip ->
                d_step {
                    tip++;
                    rec[tip].kind = kind_;
                    rec[tip].ref = ref_;
                    check_store()
                }
            :: else ->                  /* below a base: void */
                stray = stray | BIT(t + 1);
                SEEN(3)
            fi
        :: t < LOGMAX && HAS(here, t + 1) -> goto again
        :: t >= LOGMAX -> goto stop
        fi
    };
#ifndef NO_VOID_BELOW_BASE
    if
    :: atomic { ALIVE(b) }
    :: atomic { !ALIVE(b) -> goto again }
    fi
#endif
}

/* ---- writers --------------------------------------------------------------------- */
proctype writer(byte j)
{
    byte b, t;

    read_tip();                         /* W1 */
    atomic {
        jn[j].there = BIT(0);
        jn[j].gen = t
    };
#ifndef NO_W1_REREAD
    read_tip();
#endif
    atomic {                            /* W2 */
        d_step { fold(t) };
        b = 0; t = 0;
        if
        :: f_condemn || f_doomed -> clear(); goto stop  /* stores A itself */
        :: else -> clear()
        fi
    };
    atomic {                            /* W5: record 1 */
        if
        :: !HAS(jn[j].there, 1) ->
            jn[j].there = jn[j].there | BIT(1);
            told = told | BIT(MADE(j));
            if
            :: LATE -> landing = landing | BIT(j)
            :: true
            fi;
            d_step { check_store() };
            SEEN(1)
        :: else -> goto stop            /* fenced */
        fi
    };
    atomic {                            /* W6: record 2 */
        if
        :: !HAS(jn[j].there, 2) -> jn[j].there = jn[j].there | BIT(2)
        :: else
        fi
    };
stop:
    atomic { b = 0; t = 0 }
}

proctype network()
{
    byte j;
end:
    do
    :: atomic {
        landing ->
        j = (HAS(landing, 0) -> 0 : 1);
        landing = landing & ~BIT(j);
        jn[j].there = jn[j].there | BIT(1);
        j = 0;
        d_step { check_store() }
       }
    od
}

/* ---- collectors -------------------------------------------------------------------- */
proctype collector()
{
    byte b, t, c, i, top;
    byte need;                  /* snapshots that exist */

mark:
    read_tip();                         /* C1 */
    atomic {
        d_step { fold(t); read_commits() };
        need = f_committed & ~f_forgotten;
        c = f_condemn;
        f_committed = 0;
        if
        :: c -> clear(); goto settle
        :: !c && (need || f_doomed) -> clear(); goto stop
        :: else -> clear()
        fi
    };
    log_put(CONDEMN, 0, mark);          /* C2 */
    c = t + 1;
settle:                                 /* C3 */
    i = 0;
    do
    :: i < NW ->
        if
        :: atomic { !OPEN_NOW(i) || jn[i].gen >= c -> i++ }
        :: atomic {
            OPEN_NOW(i) && jn[i].gen < c ->
            top = (HAS(jn[i].there, 1) -> 2 : 1)
           };
           atomic {
            if
            :: !HAS(jn[i].there, top) ->
                jn[i].there = jn[i].there | BIT(top);
                jn[i].fence = top;
                i++
            :: else
            fi;
            top = 0
           }
        fi
    :: else -> break
    od;
    i = 0;
decide:                                 /* C4 */
    read_tip();
    atomic {
        d_step { fold(t); read_commits() };
        need = f_committed & ~f_forgotten;
        f_committed = 0;
        if
        :: f_condemn != c -> clear(); goto stop
        :: else -> clear()
        fi
    };
    if
    :: need -> log_put(DOOM, 0, decide) /* rescue */
    :: else ->
        log_put(DOOM, 1, decide);       /* C5 */
        atomic {                        /* C6 */
            gone = true;
            d_step { check_store() };
            SEEN(2)
        }
    fi;
stop:
    atomic { b = 0; t = 0; c = 0; i = 0; need = 0 }
}

/* ---- users: forget all, or take all back --------------------------------------------- */
proctype user()
{
    byte b, t, s, ops = OPS;

    do
    :: ops > 0 ->
        ops--;
again:
        read_tip();
        atomic {
            d_step { fold(t); read_commits() };
            s = f_committed & ~f_forgotten;
            f_committed = 0;
            if
            :: !s && f_doomed -> clear(); goto stop
            :: else -> clear()
            fi
        };
        if
        :: s -> log_put(FORGET, s, again)
        :: else -> log_put(UNFORGET, 0, again)
        fi;
        s = 0
    :: true -> break
    od;
stop:
    atomic { b = 0; t = 0; s = 0; ops = 0 }
}

/* ---- folders: C7 ------------------------------------------------------------------------ */
proctype folder()
{
    byte b, t, x, folds, list;

    do
    :: folds < FOLDS ->
        folds++;
again:
        read_tip();
        atomic {                        /* which journals have come to an end */
            list = 0;
            x = 0;
            do
            :: x < NW ->
                list = list | (CLOSED(x) && !jn[x].folded -> BIT(x) : 0);
                x++
            :: else -> break
            od;
            x = 0
        };
        atomic {                        /* the base: log/t+1 */
            if
            :: t < LOGMAX && !HAS(here, t + 1) && t == tip ->
                here = here | BIT(t + 1);
                d_step {
                    fold(tip);
                    tip++;
                    rec[tip].kind = BASE;
                    base = tip;
                    x = 0;
                    do                  /* take over what they committed */
                    :: x < NW ->
                        if
                        :: HAS(list, x) ->
                            kept = kept | (COMMIT_COUNTS(x) -> BIT(MADE(x)) : 0);
                            jn[x].folded = true
                        :: else
                        fi;
                        x++
                    :: else -> break
                    od;
                    x = 0;
                    rec[tip].ref = kept & f_forgotten;  /* drop those */
                    dropped = dropped | rec[tip].ref;
                    kept = kept & ~rec[tip].ref;
                    check_store()
                }
            :: t < LOGMAX && !HAS(here, t + 1) && t != tip ->
                here = here | BIT(t + 1);       /* below a base: void */
                stray = stray | BIT(t + 1);
                goto again
            :: t < LOGMAX && HAS(here, t + 1) -> goto again
            :: t >= LOGMAX -> goto stop
            fi
        };
        SEEN(4);
        do                              /* delete below it, upwards */
        :: atomic {
            x <= t ->
#ifdef NO_DELETE_UPWARDS
            if
            :: true -> here = here & ~BIT(x)
            :: true -> here = here & ~BIT(t - x)
            fi;
#else
            here = here & ~BIT(x);
#endif
            stray = stray & here;
            x++
           }
        :: x > t -> break
        od;
        x = 0;
        do                              /* and the journals, not the fences */
        :: x < NW -> atomic {
            if
            :: HAS(list, x) ->
#ifdef NO_FENCE_KEPT
                jn[x].there = 0;
                jn[x].fence = 0;
#else
                jn[x].there = (jn[x].fence -> BIT(jn[x].fence) : 0);
#endif
                d_step { check_store() }
            :: else
            fi;
            x++ }
        :: else -> break
        od;
        atomic { x = 0; list = 0 }
    :: true -> break
    od;
stop:
    atomic { b = 0; t = 0; x = 0; folds = 0; list = 0 }
}

init {
    atomic {
        here = BIT(0);
#ifdef FORGOTTEN                /* the old snapshot is forgotten already */
        here = BIT(0) | BIT(1);
        tip = 1;
        rec[1].kind = FORGET;
        rec[1].ref = BIT(OLD);
#endif
        byte p;
        do
        :: p < NW -> run writer(p); p++
        :: else -> break
        od;
        p = 0;
        do
        :: p < NC -> run collector(); p++
        :: else -> break
        od;
        p = 0;
        do
        :: p < NF -> run folder(); p++
        :: else -> break
        od;
        p = 0;
        if
        :: OPS > 0 -> run user()
        :: else
        fi;
        if
        :: LATE -> run network()
        :: else
        fi
    }
}
