/* The configuration file: whatever it holds is read or refused. */
#include <stddef.h>
#include <stdint.h>

#include "cli/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct config_file c;
    int rc = config_file_parse("f", bytes_of(data, n), &c);

    ASSERT(rc == 0 || rc == E_USAGE);
    config_file_release(&c);
    return 0;
}
