#!/usr/bin/env bash
# What `make test` does: format, headers, unit tests of every module, and the C and interoperability tests against the library as
# it is shipped: built as Embedded Swift and installed. Stops at the first step that fails.
set -euo pipefail
cd "$(dirname "$0")/.."

prefix=$PWD/.build-output/prefix
started=$SECONDS

step() {
    printf '\n== %s (%d s)\n' "$1" $((SECONDS - started))
}

# quietly NAME COMMAND…: shows what it printed only if it fails.
quietly() {
    local log=.build-output/$1.log
    shift
    "$@" >"$log" 2>&1 || {
        cat "$log"
        return 1
    }
}

run_make() {
    make --no-print-directory "$@"
}

step "Format of the Swift sources"
swift format lint --strict --parallel -r Package.swift Sources Tests gstreamer samples/swift samples/swift-opengl

step "Headers alone, as C99 and as C++11"
scripts/check-headers.sh
scripts/check-readme.sh

# Each of these is one long run of the compiler on one processor; SwiftPM works on one at a time in a folder of its own.
step "The library as Embedded Swift and with the ordinary runtime, the command, the GStreamer plugin"
build_libraries() {
    run_make lib && run_make lib RUNTIME=static
}
build_programs() {
    run_make cli && run_make gstreamer
}
mkdir -p .build-output
quietly resolve swift package resolve
quietly libraries build_libraries &
libraries=$!
quietly programs build_programs
wait $libraries
quietly install run_make install PREFIX="$prefix" DESTDIR=

step "Exported symbols, size and dependencies"
scripts/check-symbols.sh "$prefix/lib/libframewire.so"

step "Unit tests of every module, as ordinary Swift"
swift build --build-tests
swift test --skip-build 2>&1 | grep -vE '(◇|✔) (Suite|Test case|Test [A-Za-z0-9_]+\()'

# sanitize SANITIZER OPTION…: the unit tests that OPTIONs of `swift test` choose.
sanitize() {
    local sanitizer=$1
    shift
    # Leaks are looked for by valgrind, in the C programs: what XCTest itself leaks would be reported here.
    export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
    export TSAN_OPTIONS=halt_on_error=1:allocator_may_return_null=1
    swift build --build-tests --sanitize="$sanitizer" --scratch-path ".build-$sanitizer"
    swift test --skip-build --sanitize="$sanitizer" --scratch-path ".build-$sanitizer" "$@" 2>&1 |
        grep -vE '(◇|✔) (Suite|Test case|Test [A-Za-z0-9_]+\()'
}

step "Unit tests under the address sanitizer"
sanitize address

step "Unit tests of what has several threads under the thread sanitizer"
sanitize thread --filter 'BuffersTests|FramewireTests|TransportTests|ReadbackTests|RTPTests|WorkerPoolTests'

step "C programs of several threads under the thread sanitizer"
scripts/test-thread-sanitizer.sh .build-thread

# The first mostly waits, for links that are slow and for time to pass; the second keeps one processor busy.
step "Beside what follows: slow and broken links, killed peers, strangers; the C interface, natively and under valgrind"
scripts/test-faults.sh "$prefix" >.build-output/faults.log 2>&1 &
faults=$!
scripts/test-capi.sh "$prefix" >.build-output/capi.log 2>&1 &
programs=$!
trap 'kill $faults $programs 2>/dev/null || true' EXIT

step "C interface with the ordinary Swift runtime linked in, the fall-back"
quietly install run_make install RUNTIME=static PREFIX="$prefix-static" DESTDIR=
scripts/symbols.sh --check "$prefix-static/lib/libframewire.so"
# That runtime allocates a few small objects a frame, so the count of allocations is for the shipped library alone.
VALGRIND=0 SKIP=alloc_test scripts/test-capi.sh "$prefix-static"

step "Reading back from OpenGL: every path, format and state, on contexts of five kinds"
scripts/test-gl.sh "$prefix"

step "Programs that know nothing of Framewire, captured under Xvfb"
scripts/test-capture.sh "$prefix"

step "Buffers beside libgstreamer, a million random operations"
scripts/test-differential.sh "$prefix" --long

step "Interoperability: lz4, nc, GStreamer, CMake, the command"
scripts/test-interop.sh "$prefix"

step "GStreamer plugin: formats, streams, connections, states, pipelines"
scripts/test-gstreamer.sh "$prefix"

step "What ran beside"
result=0
wait $programs || result=$?
wait $faults || result=$?
trap - EXIT
cat .build-output/capi.log .build-output/faults.log
[ $result = 0 ]

printf '\nAll steps passed in %d s.\n' $((SECONDS - started))
