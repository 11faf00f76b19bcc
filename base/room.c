#include "base/room.h"

#include <sys/sysinfo.h>

#include "base/cgroup.h"

enum { ROOM_PART = 16 };

bool room_is_short(void)
{
    struct sysinfo s;
    uint64_t total;
    uint64_t room = cgroup_room(&cgroup_system, &total);

    if (room < total / ROOM_PART)
        return true;
    return sysinfo(&s) == 0 && s.freeram < s.totalram / ROOM_PART;
}
