/*
 * The POSIX and Linux interfaces that the library uses, for Swift without a Glibc module (Embedded Swift has none), and inline
 * functions for what Swift cannot see: macros, errno and variadics.
 */
#ifndef FRAMEWIRE_CPOSIX_H
#define FRAMEWIRE_CPOSIX_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/*
 * GNU functions by their prototypes: with _GNU_SOURCE the system's types would differ from those in the compiler's own modules, which
 * are built without it.
 */
extern int accept4(int descriptor, struct sockaddr *address, socklen_t *size, int flags);
extern int pipe2(int descriptors[2], int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);
extern int ppoll(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout, const sigset_t *mask);
struct fwp_mmsghdr { /* struct mmsghdr */
    struct msghdr msg_hdr;
    unsigned int msg_len;
};
static inline int fwp_sendmmsg(int descriptor, struct fwp_mmsghdr *messages, unsigned int count, int flags) {
    extern int sendmmsg(int, struct fwp_mmsghdr *, unsigned int, int);
    return sendmmsg(descriptor, messages, count, flags);
}
#ifndef EAI_NODATA
#define EAI_NODATA -5
#endif
#ifndef EAI_ADDRFAMILY
#define EAI_ADDRFAMILY -9
#endif

/* Tells the processor that this thread looks at one place in memory again and again. */
static inline void fwp_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline int fwp_errno(void) { return errno; }

/* strerror that may be called on any thread: fills `buffer` and returns it. */
static inline const char *fwp_strerror(int code, char *buffer, size_t size) {
    if (strerror_r(code, buffer, size) != 0) {
        snprintf(buffer, size, "error %d", code);
    }
    return buffer;
}

/* Nanoseconds of CLOCK_MONOTONIC. */
static inline int64_t fwp_monotonic_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* open and ioctl, which are variadic. */
static inline int fwp_open(const char *path, int flags, unsigned mode) { return open(path, flags, mode); }
static inline int fwp_ioctl_int(int descriptor, unsigned long request, int *value) { return ioctl(descriptor, request, value); }

/* A condition variable that measures its timeouts on CLOCK_MONOTONIC. */
static inline int fwp_cond_init_monotonic(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    int code = pthread_condattr_init(&attributes);
    if (code != 0) {
        return code;
    }
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    code = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return code;
}

/* Waits until `deadline_ns` of CLOCK_MONOTONIC; 0, or ETIMEDOUT. */
static inline int fwp_cond_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_ns) {
    struct timespec t = {.tv_sec = (time_t)(deadline_ns / 1000000000), .tv_nsec = (long)(deadline_ns % 1000000000)};
    return pthread_cond_timedwait(condition, mutex, &t);
}

#define FWP_LAST_ERROR_SIZE 1024

/*
 * The calling thread's own text of FWP_LAST_ERROR_SIZE bytes. A static object of an inline function exists once per file that uses it,
 * so exactly one file does.
 */
static inline char *fwp_last_error_text(void) {
    static _Thread_local char text[FWP_LAST_ERROR_SIZE];
    return text;
}

#endif
