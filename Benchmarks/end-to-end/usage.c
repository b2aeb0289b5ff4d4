/*
 * Runs a command and appends what it used to a file: `usage FILE COMMAND [ARGUMENT]…` writes `cpu_s S` and `memory_kib N`.
 *
 * SPDX-License-Identifier: MIT
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words) {
    struct rusage usage;
    int status = 0;
    if (count < 3) {
        fprintf(stderr, "usage: usage FILE COMMAND [ARGUMENT]…\n");
        return 2;
    }
    pid_t child = fork();
    if (child == 0) {
        execvp(words[2], words + 2);
        perror(words[2]);
        _exit(127);
    }
    /* The descriptors are the command's; a pipe must not stay open because of this program. */
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("usage");
        return 1;
    }
    FILE *file = fopen(words[1], "a");
    if (!file) {
        perror(words[1]);
        return 1;
    }
    fprintf(file, "cpu_s %.3f\nmemory_kib %ld\n",
            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
            usage.ru_maxrss);
    fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
