#include "cli/cli.h"
#include "cli/doctor.h"

int cmd_doctor(struct cli *cli)
{
    return doctor_run(cli);
}
