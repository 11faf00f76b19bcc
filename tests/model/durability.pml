/*
 * durability.pml: visible is not durable (I10). The same protocol as in
 * collection.pml, but a put is two steps - others see the object, then it is
 * durable and the put returns - and the store's power may fail once, at any
 * moment: every object that is not durable yet is then lost or kept, each by
 * itself. Processes survive that (they may run elsewhere) or stop for ever.
 *
 * SETTLE is the one remedy: whoever acts on what it saw makes it durable
 * first. NO_<check> takes one check out, as in collection.pml.
 */
#ifndef NW
#define NW 2                    /* writers */
#endif
#ifndef NC
#define NC 1                    /* collectors */
#endif
#ifndef RENEWS
#define RENEWS 0                /* renewals per writer, at most */
#endif
#ifndef USER
#define USER 0                  /* 1: one user forgets the old snapshot */
#endif
#ifndef MISS
#define MISS(j) (j == 0)        /* writers whose look-up may miss */
#endif
#ifndef START
#define START 0                 /* 1: the log begins with a condemn at work */
#endif
#define LOGMAX  5
#define JMAX    6               /* records in a journal, at most */

#define BIT(x)      (1 << (x))
#define HAS(set, x) (((set) >> (x)) & 1)
#define OLD     0               /* the old pack, and the old snapshot */
#define OWN(j)  (1 + (j))       /* writer j's pack, and its snapshot */
#define NONE    15

/* ---- the store ---------------------------------------------------------------- */
mtype = { CONDEMN, DOOM, FORGET, UNFORGET, OPEN, SEGMENT, RENEW, COMMIT, END, FENCE };
typedef record {
    mtype kind;                 /* 0: there is none */
    byte set;                   /* log: packs; journal: generation or pack */
    byte ref;                   /* DOOM: the condemn that it decides */
    bool durable
};
typedef journal { record rec[JMAX] };
record rec[LOGMAX + 1];         /* the log */
journal jn[NW];
byte packs, packs_durable;      /* objects that exist; that will stay */
byte segs, segs_durable;        /* the segment object of each pack */
byte snaps, snaps_durable;      /* snapshot objects */
bool cut;                       /* the power failed */

byte deleted;                   /* for the properties: packs ever deleted */
byte told;                      /* ... writers who told their user "done" */

/* ---- what a process reads -------------------------------------------------------- */
byte i_, tip_, f_condemned, f_doomed, f_undecided, f_forgotten;
byte j_top, j_gen, j_listed, j_committed, j_closed;
byte i2_, f_listed, f_committed, f_busy;

/* All of these are looked at within one step only, then cleared. */
inline clear() {
    tip_ = 0; f_condemned = 0; f_doomed = 0; f_undecided = 0; f_forgotten = 0;
    j_top = 0; j_gen = 0; j_listed = 0; j_committed = 0; j_closed = 0;
    f_listed = 0; f_committed = 0; f_busy = 0
}

/* The log ends where a number is missing. */
inline find_tip() {
    tip_ = 0;
    do
    :: tip_ < LOGMAX && rec[tip_ + 1].kind -> tip_++
    :: else -> break
    od
}

inline fold(n) {
    f_condemned = 0; f_doomed = 0; f_undecided = 0; f_forgotten = 0;
    i_ = 1;
    do
    :: i_ <= n ->
        if
        :: rec[i_].kind == CONDEMN ->
            f_condemned = f_condemned | rec[i_].set;
            f_undecided = f_undecided | BIT(i_)
        :: rec[i_].kind == DOOM ->
            f_condemned = f_condemned & ~rec[rec[i_].ref].set;
            f_undecided = f_undecided & ~BIT(rec[i_].ref);
            f_doomed = f_doomed | rec[i_].set
        :: rec[i_].kind == FORGET -> f_forgotten = BIT(OLD)
        :: rec[i_].kind == UNFORGET -> f_forgotten = 0
        :: else -> break        /* lost under the reader's feet */
        fi;
        i_++
    :: else -> break
    od;
    i_ = 0
}

/* A journal ends where a number is missing, or at its fence. */
inline read_journal(x) {
    j_top = 0; j_gen = 0; j_listed = 0; j_committed = 0; j_closed = 0;
    do
    :: j_top < JMAX && jn[x].rec[j_top].kind ->
        if
        :: jn[x].rec[j_top].kind == OPEN || jn[x].rec[j_top].kind == RENEW ->
            j_gen = jn[x].rec[j_top].set
        :: jn[x].rec[j_top].kind == SEGMENT ->
            j_listed = BIT(jn[x].rec[j_top].set)
        :: jn[x].rec[j_top].kind == COMMIT -> j_committed = BIT(OWN(x))
        :: jn[x].rec[j_top].kind == END -> j_closed = 1
        :: jn[x].rec[j_top].kind == FENCE ->
            j_closed = 1;
            j_top++;
            break
        fi;
        j_top++
    :: else -> break
    od
}

inline read_all() {
    f_listed = BIT(OLD); f_committed = BIT(OLD); f_busy = 0;
    i2_ = 0;
    do
    :: i2_ < NW ->
        read_journal(i2_);
        f_listed = f_listed | j_listed;
        f_committed = f_committed | j_committed;
        f_busy = f_busy | (j_closed -> 0 : BIT(OWN(i2_)));
        i2_++
    :: else -> break
    od;
    i2_ = 0
}

inline pick(x, set_) {
    x = 0;
    do
    :: HAS(set_, x) -> break
    :: (set_) >> (x + 1) -> x++
    od
}

/* SETTLE: make durable what was seen. */
inline settle_log(n) {
    if
    :: n > 0 && rec[n].kind -> rec[n].durable = true
    :: else
    fi
}
inline settle_journal(x) {      /* all records of one journal */
    i_ = 0;
    do
    :: i_ < JMAX && jn[x].rec[i_].kind -> jn[x].rec[i_].durable = true; i_++
    :: else -> break
    od;
    i_ = 0
}
inline settle_lists(set_) {     /* the journals that list these packs */
    i2_ = 0;
    do
    :: i2_ < NW ->
        if
        :: HAS(set_, OWN(i2_)) -> settle_journal(i2_)
        :: else
        fi;
        i2_++
    :: else -> break
    od;
    i2_ = 0
}

/* ---- what must always hold --------------------------------------------------------- */
inline check_store() {
    find_tip();
    i_ = tip_ + 1;              /* no record above a gap: the log goes on */
    do
    :: i_ <= LOGMAX -> assert(!rec[i_].kind); i_++
    :: else -> break
    od;
    fold(tip_);
    read_all();
    /* I3: what a snapshot reaches is listed, there, and not doomed */
    assert(!(f_committed & ~f_forgotten) ||
           (packs & f_listed & segs & ~f_doomed));
    /* I4: what is gone was doomed */
    assert(!(deleted & ~f_doomed));
    /* promise 1: what was told stays: commit record and snapshot object */
    assert(!(told & ~f_committed));
    assert(!(f_committed & ~snaps));
    clear()
}

#ifdef WITNESS
#define SEEN(n) assert((n) != WITNESS)
#else
#define SEEN(n) skip
#endif

proctype power()
{
    byte k, x;

    atomic {
        x = 1;
        do
        :: x <= LOGMAX ->
            if
            :: rec[x].kind && !rec[x].durable ->
                rec[x].kind = 0; rec[x].set = 0; rec[x].ref = 0
            :: rec[x].kind -> rec[x].durable = true
            :: !rec[x].kind
            fi;
            x++
        :: else -> break
        od;
        x = 0;
        do
        :: x < NW ->
            k = 0;
            do
            :: k < JMAX ->
                if
                :: jn[x].rec[k].kind && !jn[x].rec[k].durable ->
                    jn[x].rec[k].kind = 0; jn[x].rec[k].set = 0
                :: jn[x].rec[k].kind -> jn[x].rec[k].durable = true
                :: !jn[x].rec[k].kind
                fi;
                k++
            :: else -> break
            od;
            if
            :: HAS(packs & ~packs_durable, OWN(x)) ->
                packs = packs & ~BIT(OWN(x))
            :: true -> packs_durable = packs_durable | (packs & BIT(OWN(x)))
            fi;
            if
            :: HAS(segs & ~segs_durable, OWN(x)) ->
                segs = segs & ~BIT(OWN(x))
            :: true -> segs_durable = segs_durable | (segs & BIT(OWN(x)))
            fi;
            if
            :: HAS(snaps & ~snaps_durable, OWN(x)) ->
                snaps = snaps & ~BIT(OWN(x))
            :: true -> snaps_durable = snaps_durable | (snaps & BIT(OWN(x)))
            fi;
            x++
        :: else -> break
        od;
        k = 0; x = 0;
        cut = true;
        d_step { check_store() }
    }
}

/* ---- puts: visible, then durable --------------------------------------------------- */

/* A plain object: when it is lost before the put returned, the putter stops. */
inline put_object(set_, durable_, x, wait) {
    set_ = set_ | BIT(x);
    if
    :: wait -> atomic {
        if
        :: HAS(set_, x) -> durable_ = durable_ | BIT(x)
        :: else -> goto stop
        fi }
    :: else
    fi
}

/*
 * The caller's record k of journal j. When it is lost before the put
 * returned, the caller puts it again: same name, same record.
 */
inline journal_put(what, arg) {
    do
    :: atomic {
        k < JMAX && !jn[j].rec[k].kind ->
        d_step {
            jn[j].rec[k].kind = what;
            jn[j].rec[k].set = arg;
            check_store()
        };
#ifdef NO_W1_DURABLE
        if
        :: what == OPEN -> break
        :: what != OPEN
        fi
#endif
       }
    :: atomic { jn[j].rec[k].kind == what -> jn[j].rec[k].durable = true };
       break
    :: atomic { jn[j].rec[k].kind == FENCE -> goto stop }
    od;
    k++
}

/* ---- writers ------------------------------------------------------------------------- */
#define LIVE (f_listed & ~f_condemned & ~f_doomed)

proctype writer(byte j)
{
    byte k, gen, hit, renews;

    atomic {                            /* W1 */
        d_step { find_tip(); gen = tip_; clear() };
#ifndef NO_SETTLE_GENERATION
        settle_log(gen)
#endif
    };
    journal_put(OPEN, gen);
    atomic {
        d_step {
            find_tip();
#ifndef NO_SETTLE_STATE
            settle_log(tip_);
#endif
            fold(tip_);
            read_all()
        };
        if                              /* W2 */
        :: LIVE -> pick(hit, LIVE)
        :: !LIVE || MISS(j) -> hit = NONE
        fi;
        clear();
        gen = 0
    };
    if
    :: hit == NONE ->                   /* W3 */
#ifdef NO_W3_PACK_DURABLE
        put_object(packs, packs_durable, OWN(j), false);
#else
        put_object(packs, packs_durable, OWN(j), true);
#endif
#ifdef NO_W3_SEGMENT_DURABLE
        put_object(segs, segs_durable, OWN(j), false);
#else
        put_object(segs, segs_durable, OWN(j), true);
#endif
        journal_put(SEGMENT, OWN(j));
        hit = OWN(j)
    :: else
    fi;
    renews = RENEWS;
    do                                  /* W4 */
    :: renews > 0 ->
        atomic {
            renews--;
            d_step {
                find_tip();
#ifndef NO_SETTLE_GENERATION
                settle_log(tip_);
#endif
                fold(tip_)
            };
            if
            :: !HAS(f_condemned | f_doomed, hit) -> gen = tip_; clear()
            :: else -> clear(); break   /* not now */
            fi
        };
        journal_put(RENEW, gen);
        gen = 0
    :: true -> break
    od;
    renews = 0;
    /* W5 */
#ifdef NO_W5_OBJECT_DURABLE
    put_object(snaps, snaps_durable, OWN(j), false);
#else
    put_object(snaps, snaps_durable, OWN(j), true);
#endif
#ifndef NO_SETTLE_HITS
    atomic {
        d_step { read_all() };
        if
        :: HAS(f_listed, hit) ->
            clear();
            d_step { settle_lists(BIT(hit)) }
        :: else -> clear(); goto stop   /* lost: it would store A itself */
        fi
    };
#endif
    journal_put(COMMIT, 0);
    atomic {
        told = told | BIT(OWN(j));
        SEEN(cut -> 1 : 0);
        hit = 0;
        d_step { check_store() }
    };
    journal_put(END, 0);                /* W6 */
stop:
    atomic { k = 0; gen = 0; hit = 0; renews = 0 }
}

/* ---- collectors ------------------------------------------------------------------------ */

/* A log record, on the durable tip n; number n + 1. */
inline log_put(kind_, set_, ref_, lost) {
    atomic {
        if
        :: !rec[n + 1].kind && (n == 0 || rec[n].kind) ->
            rec[n + 1].kind = kind_;
            rec[n + 1].set = set_;
            rec[n + 1].ref = ref_;
            who[n + 1] = _pid;
            d_step { check_store() }
        :: else -> goto lost
        fi
    };
    atomic {
        if
        :: rec[n + 1].kind == kind_ && who[n + 1] == _pid ->
            rec[n + 1].durable = true
        :: else -> goto stop            /* lost */
        fi
    }
}
byte who[LOGMAX + 1];                   /* the nonce: whose record it is */

proctype collector(byte self)
{
    byte n, c, set, i, roots;

    if                                  /* collectors start in order */
    :: self + 1 < NC -> run collector(self + 1)
    :: else
    fi;
    self = 0;
mark:                                   /* C1 */
    atomic {
        d_step {
            find_tip();
            n = tip_;
            fold(n);
            read_all()
        };
        if
        :: f_doomed & packs ->          /* another's doom: C6 for it */
#ifndef NO_SETTLE_DOOM
            settle_log(n);
#endif
            set = f_doomed;
            clear();
            goto sweep
        :: else ->
#ifndef NO_SETTLE_TIP
            settle_log(n);
#endif
            skip
        fi;
        if
        :: n >= LOGMAX -> clear(); goto stop
        :: n < LOGMAX && f_undecided ->
            pick(c, f_undecided);
            n = 0;
            clear();
            goto settle
        :: n < LOGMAX && !f_undecided
        fi;
        roots = f_committed & ~f_forgotten;
        set = packs & f_listed & ~f_condemned & ~f_doomed & ~f_busy;
        if
        :: !roots
        :: roots && LIVE ->
            pick(i, LIVE);
            set = set & ~BIT(i);
            i = 0
        :: roots && !LIVE -> set = 0
        fi;
        roots = 0;
        clear();
        if
        :: !set -> goto stop
        :: else
        fi
    };
    log_put(CONDEMN, set, 0, mark);     /* C2 */
    atomic { c = n + 1; n = 0; set = 0 };

settle:                                 /* C3 */
    i = 0;
    do
    :: i < NW -> d_step {
        read_journal(i);
        if
        :: j_closed ->
#ifndef NO_SETTLE_FENCE
            settle_journal(i);
#endif
            i++
        :: !j_closed && (!j_top || j_gen >= c) -> i++
        :: !j_closed && j_top && j_gen < c ->
            assert(j_top < JMAX);
#ifndef NO_SETTLE_BELOW_FENCE
            settle_journal(i);
#endif
            jn[i].rec[j_top].kind = FENCE;
            n = j_top
        fi;
        clear() };
        if
        :: n > 0 -> atomic {
            if
            :: jn[i].rec[n].kind == FENCE -> jn[i].rec[n].durable = true; i++
            :: else                     /* lost: read again */
            fi;
            n = 0 }
        :: else
        fi
    :: else -> break
    od;
    i = 0;

decide:                                 /* C4 */
    atomic {
        d_step {
            find_tip();
            n = tip_;
#ifndef NO_SETTLE_TIP
            settle_log(n);
#endif
            fold(n);
            read_all()
        };
        if
        :: n >= LOGMAX || !HAS(f_undecided, c) -> clear(); goto stop
        :: else
        fi;
        roots = f_committed & ~f_forgotten;
        set = rec[c].set;
        if
        :: roots && !(f_listed & ~f_doomed & ~set) ->
            pick(i, (f_listed & set));
            set = set & ~BIT(i);
            i = 0
        :: else
        fi;
#ifndef NO_SETTLE_LOCATION
        if
        :: roots -> d_step { settle_lists((f_listed & ~f_doomed & ~set)) }
        :: else
        fi;
#endif
        clear();
        roots = 0
    };
    log_put(DOOM, set, c, decide);      /* C5 */
sweep:
    atomic {                            /* C6 */
        packs = packs & ~set;
        packs_durable = packs_durable & ~set;
        deleted = deleted | set;
        SEEN(cut && set -> 2 : 0);
        d_step { check_store() }
    };
stop:
    atomic { n = 0; c = 0; set = 0; i = 0 }
}

/* ---- a user ------------------------------------------------------------------------------ */
proctype user()
{
    byte n;

again:
    atomic {
        d_step {
            find_tip();
            n = tip_;
#ifndef NO_SETTLE_TIP
            settle_log(n);
#endif
            clear()
        };
        if
        :: n >= LOGMAX -> goto stop
        :: else
        fi
    };
    log_put(FORGET, OLD, 0, again);
stop:
    n = 0
}

init {
    atomic {
        packs = BIT(OLD); packs_durable = packs;
        segs = packs; segs_durable = packs;
        snaps = packs; snaps_durable = packs;
        if                              /* the old snapshot is garbage, or not */
        :: START == 0 -> rec[1].kind = FORGET; rec[1].durable = true
        :: START == 0
        :: START == 1 ->                /* condemned, unforgotten: a rescue */
            rec[1].kind = FORGET; rec[1].durable = true;
            rec[2].kind = CONDEMN; rec[2].set = BIT(OLD); rec[2].durable = true;
            rec[3].kind = UNFORGET; rec[3].durable = true
        fi;
        run power();
        run writer(0);
        if
        :: NW > 1 -> run writer(1)
        :: else
        fi;
        run collector(0);
        if
        :: USER -> run user()
        :: else
        fi
    }
}
