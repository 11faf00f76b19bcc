#include "base/room.h"

#include <sys/sysinfo.h>

#include "base/cgroup.h"

enum { ROOM_PART = 16 };

bool room_is_short_in(const struct cgroup_place *place)
{
    uint64_t total;
    uint64_t room = cgroup_room(place, &total);

    return room < total / ROOM_PART;
}

bool room_is_short(void)
{
    struct sysinfo s;

    if (room_is_short_in(&cgroup_system))
        return true;
    return sysinfo(&s) == 0 && s.freeram < s.totalram / ROOM_PART;
}
