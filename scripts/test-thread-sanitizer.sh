#!/bin/bash
# Runs the C programs of Tests/CAPI that use several threads under the thread sanitizer, against the library built as ordinary Swift
# with it: the two have to agree on one sanitizer, so the programs are compiled by the clang of the Swift toolchain.
#
#   scripts/test-thread-sanitizer.sh [SCRATCH]     SCRATCH: the build folder of the sanitizer, .build-thread unless told
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."

scratch=$(readlink -f "${1:-.build-thread}")
toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
runtime=$toolchain/lib/swift/linux
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TSAN_OPTIONS=halt_on_error=1 FRAMEWIRE_TEST_QUICK=${FRAMEWIRE_TEST_QUICK-1}

swift build --product framewire --sanitize=thread --scratch-path "$scratch"
for name in buffer_threads_test buffer_pool_test threads_test receivers_test peers_test; do
    # The sanitizer knows libdispatch and wants it.
    "$toolchain/bin/clang" -std=c99 -D_POSIX_C_SOURCE=200809L -g -O1 -fsanitize=thread -Iinclude "Tests/CAPI/$name.c" -o "$work/$name" \
        "$scratch/debug/libframewire.so" -pthread -L"$runtime" -ldispatch -lBlocksRuntime \
        -Wl,-rpath,"$scratch/debug" -Wl,-rpath,"$runtime"
    timeout --kill-after=10 300 "$work/$name"
done
