#include "base/cancel.h"

#include <string.h>

void cancel_request(struct cancel *c, int signal)
{
    int none = 0;

    (void)atomic_compare_exchange_strong(&c->signal, &none, signal);
}

int cancel_signal(const struct cancel *c)
{
    return atomic_load_explicit(&c->signal, memory_order_relaxed);
}

int cancel_check(const struct cancel *c)
{
    int signal = c ? cancel_signal(c) : 0;
    const char *name;

    if (signal == 0)
        return 0;
    name = sigabbrev_np(signal);
    return err_set(E_CANCELED, "stopped by SIG%s", name ? name : "?");
}
