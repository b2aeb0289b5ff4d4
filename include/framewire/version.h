/*
 * Framewire: which version of the library this is.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_VERSION_H
#define FRAMEWIRE_VERSION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of these headers. Within one major version programs keep working without being rebuilt. */
#define FW_VERSION_MAJOR 0
#define FW_VERSION_MINOR 1
#define FW_VERSION_PATCH 0

/* The header version as one number, for #if: major * 10000 + minor * 100 + patch. */
#define FW_VERSION 100

/*
 * The version of the library that is loaded, in the form of FW_VERSION. Any thread, never fails.
 */
uint32_t fw_version(void);

/*
 * The same as text, for example "0.1.0". Static storage: do not free. Any thread, never fails.
 */
const char *fw_version_string(void);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_VERSION_H */
