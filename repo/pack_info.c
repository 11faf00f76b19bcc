#include "repo/pack_info.h"

void pack_info_release(struct pack_info *i)
{
    if (!i)
        return;
    buf_release(&i->dir);
    *i = (struct pack_info){.bytes = 0};
}
