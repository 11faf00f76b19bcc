#include "tests/faults/fault_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/prng.h"
#include "tests/support/scratch.h"

/* DIR/NAME: n bytes that no compression shrinks. */
static void noise(const char *dir, const char *name, size_t n, uint64_t seed)
{
    uint8_t *p = malloc(n + 1);
    struct prng r;

    assert_non_null(p);
    prng_init(&r, seed);
    prng_fill(&r, p, n);
    scratch_file(dir, name, p, n);
    free(p);
}

static void shell(const char *dir, const char *script)
{
    assert_true(scratch_run("cd '%s' && set -e && { %s\n}", dir, script));
}

void fault_tree_make(const char *dir)
{
    shell(dir, "mkdir -p a/b/c d empty names; chmod 750 d; chmod 1777 empty");
    noise(dir, "large", 3 << 20, 1);
    noise(dir, "a/one", 70000, 2);
    noise(dir, "a/two", 200000, 3);
    noise(dir, "a/b/tiny", 1, 4);
    noise(dir, "a/b/c/block", 4096, 5);
    noise(dir, "d/stays", 50000, 6);
    noise(dir, "d/goes", 30000, 7);
    noise(dir, "value", 30000, 8);
    shell(dir,
          "seq 1 20000 >a/text; : >a/b/nothing; cp a/one a/twin; "
          "truncate -s 2M holes; "
          "dd if=d/stays of=holes bs=4096 seek=128 conv=notrunc status=none; "
          "truncate -s 1M all-hole; "
          "ln a/one a/b/link; ln a/one d/other-link; "
          "ln -s ../large a/to-large; ln -s 'no where\n' d/nowhere; "
          "mkfifo d/fifo; chmod 604 a/two; chmod 4755 a/b/tiny; "
          "touch -d '1960-01-01 00:00:00.123456789' a/b/nothing; "
          "touch -h -d '2001-02-03 04:05:06.7' d/nowhere; "
          "for n in $(seq 1 12); do echo $n >names/file-$n; done; "
          "printf x >\"names/$(printf 'new\\nline\\377')\"; "
          "setfattr -n user.small -v value a/two; "
          "setfattr -n user.large -v 0x$(head -c 3000 value | od -An -v -tx1 |"
          " tr -d ' \\n') a/text; "
          "setfattr -n user.dir -v d d; rm value; "
          "if [ $(id -u) = 0 ]; then mknod d/null c 1 3; "
          "chown 1234:2345 a/two; chown -h 1234:2345 d/nowhere; "
          "setfacl -m u:1234:r a/twin; setfacl -d -m u:1234:rx a/b; fi; "
          "touch -d '2020-01-01' a/b/c a/b a");
}

void fault_tree_change(const char *dir, int to)
{
    if (to == 2) {
        noise(dir, "d/new", 120000, 20);
        noise(dir, "d/goes", 30000, 21); /* its size stays */
        shell(dir, "dd if=d/new of=large bs=4096 seek=200 conv=notrunc "
                   "status=none; echo more >>a/text; mv a/twin d/twin; "
                   "rm a/b/link; chmod 640 a/two; mkdir names/inner; "
                   "cp d/new names/inner/copy");
    } else {
        noise(dir, "d/new", 90000, 30);
        noise(dir, "fresh", 400000, 31);
        shell(dir, "rm d/goes; rm -r names/inner; mkdir d/goes; "
                   "dd if=fresh of=d/goes/in bs=1000 count=77 status=none; "
                   "dd if=fresh of=large bs=4096 seek=500 conv=notrunc "
                   "status=none; truncate -s 100000 a/two; "
                   "ln a/one a/b/again; setfattr -x user.dir d; "
                   "setfattr -n user.added -v 1 large; rm d/nowhere; "
                   "ln -s elsewhere d/nowhere; mkfifo a/fifo; "
                   "touch -d '2021-01-01' names");
    }
}
