/* CHECK for the C programs that test the installed library: the first one that fails ends the program with status 1. */
#ifndef CHECK_H
#define CHECK_H

#include <framewire/framewire.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                             \
    do {                                                                                                             \
        if (!(condition)) {                                                                                          \
            fprintf(stderr, "%s:%d: CHECK(%s) failed; fw_last_error: \"%s\"\n", __FILE__, __LINE__, #condition,      \
                    fw_last_error());                                                                                \
            exit(1);                                                                                                 \
        }                                                                                                            \
    } while (0)

/* CHECKs that `call` gives `wanted`, and that there is a sentence about it. */
#define CHECK_FAILS(wanted, call)                                                                                    \
    do {                                                                                                             \
        CHECK((call) == (wanted));                                                                                   \
        CHECK(fw_last_error()[0] != '\0');                                                                           \
    } while (0)

/* For functions of headers that not every program needs. */
#ifdef __GNUC__
#define UNUSED_OK __attribute__((unused))
#else
#define UNUSED_OK
#endif

#endif
