/* oddtree DIR: make a tree with everything odd in it; says on stdout what it
 * left out. */
#include <stdio.h>

#include "tests/support/oddtree.h"

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: oddtree DIR\n");
        return 2;
    }
    return oddtree_make(argv[1], stdout) ? 0 : 1;
}
