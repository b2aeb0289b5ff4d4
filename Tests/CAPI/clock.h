/* The clock of the C programs that test the installed library. Needs _POSIX_C_SOURCE 200809L. */
#ifndef CLOCK_H
#define CLOCK_H

#include "check.h"

#include <stdint.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)

/* CLOCK_MONOTONIC, which all processes of a machine share. */
UNUSED_OK static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

#endif
