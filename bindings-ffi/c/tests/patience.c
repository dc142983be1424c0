#define _DEFAULT_SOURCE

#include "patience.h"

#include <time.h>

bool wait_until(bool (*holds)(void *userdata), void *userdata)
{
    double until = clock_now() + PATIENCE;
    while (!holds(userdata)) {
        if (clock_now() > until)
            return false;
        wait_a_moment();
    }
    return true;
}

void wait_a_moment(void)
{
    struct timespec moment = {0, 1000000};
    nanosleep(&moment, NULL);
}

double clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}
