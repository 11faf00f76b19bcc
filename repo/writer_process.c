#include "repo/writer_process.h"

#include <unistd.h>

#include "base/process.h"

void writer_process_get(struct writer_process *text, struct record_process *p)
{
    *text = (struct writer_process){.host = ""};
    if (gethostname(text->host, sizeof text->host - 1) < 0)
        text->host[0] = 0;
    process_boot_id(text->boot);
    *p = (struct record_process){.host = bytes_of_str(text->host),
                                 .boot_id = bytes_of_str(text->boot),
                                 .pid = (uint64_t)getpid(),
                                 .start = process_start(0),
                                 .pid_namespace = process_pid_namespace()};
}

/* Whether this process can tell about that one. */
static bool writer_process_is_near(const struct record_process *self,
                                   const struct record_process *p)
{
    return self->boot_id.n > 0 && bytes_equal(p->boot_id, self->boot_id) &&
           self->pid_namespace != 0 &&
           p->pid_namespace == self->pid_namespace && p->start != 0 &&
           p->pid > 0 && p->pid <= INT32_MAX && process_numbers_agree();
}

bool writer_process_lives(const struct record_process *self,
                          const struct record_process *p)
{
    return bytes_equal(p->host, self->host) &&
           writer_process_is_near(self, p) && p->pid != self->pid &&
           process_start((uint32_t)p->pid) == p->start;
}

bool writer_process_is_dead(const struct record_process *self,
                            const struct record_process *p)
{
    return writer_process_is_near(self, p) &&
           process_is_gone((uint32_t)p->pid, p->start);
}
