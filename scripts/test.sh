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

step "Format of the Swift sources"
swift format lint --strict --parallel -r Package.swift Sources Tests samples/swift samples/swift-opengl

step "Headers alone, as C99 and as C++11"
scripts/check-headers.sh
scripts/check-readme.sh

step "The library as Embedded Swift, and the command"
make --no-print-directory install PREFIX="$prefix" DESTDIR= >.build-output.log 2>&1 || {
    cat .build-output.log
    exit 1
}
rm -f .build-output.log

step "Exported symbols, size and dependencies"
scripts/check-symbols.sh "$prefix/lib/libframewire.so"

step "Unit tests of every module, as ordinary Swift"
swift build --build-tests
swift test --skip-build 2>&1 | grep -vE '(◇|✔) (Suite|Test [A-Za-z0-9_]+\()'

for sanitizer in address thread; do
    step "Unit tests under the $sanitizer sanitizer"
    # Leaks are looked for by valgrind, in the C programs: what XCTest itself leaks would be reported here.
    export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
    export TSAN_OPTIONS=halt_on_error=1:allocator_may_return_null=1
    swift build --build-tests --sanitize="$sanitizer" --scratch-path ".build-$sanitizer"
    swift test --skip-build --sanitize="$sanitizer" --scratch-path ".build-$sanitizer" 2>&1 | grep -vE '(◇|✔) (Suite|Test [A-Za-z0-9_]+\()'
done

step "C programs of several threads under the thread sanitizer"
scripts/test-thread-sanitizer.sh .build-thread

step "C interface against the installed library"
scripts/test-capi.sh "$prefix"

step "The same with the ordinary Swift runtime linked in, the fall-back"
make --no-print-directory install RUNTIME=static PREFIX="$prefix-static" DESTDIR= >.build-output.log 2>&1 || {
    cat .build-output.log
    exit 1
}
rm -f .build-output.log
scripts/symbols.sh --check "$prefix-static/lib/libframewire.so"
# That runtime allocates a few small objects a frame, so the count of allocations is for the shipped library alone.
VALGRIND=0 SKIP=alloc_test scripts/test-capi.sh "$prefix-static"

# They mostly wait: for links that are slow, for time to pass.
step "Faults begin: slow and broken links, killed and stopped peers, strangers, thousands of connections"
scripts/test-faults.sh "$prefix" >.build-output/faults.log 2>&1 &
faults=$!
trap 'kill $faults 2>/dev/null || true' EXIT

step "Reading back from OpenGL: every path, format and state, on contexts of five kinds"
scripts/test-gl.sh "$prefix"

step "Programs that know nothing of Framewire, captured under Xvfb"
scripts/test-capture.sh "$prefix"

step "Buffers beside libgstreamer, a million random operations"
scripts/test-differential.sh "$prefix" --long

step "Interoperability: lz4, nc, GStreamer, CMake, the command"
scripts/test-interop.sh "$prefix"

step "Faults end"
wait $faults || {
    cat .build-output/faults.log
    exit 1
}
trap - EXIT
cat .build-output/faults.log

printf '\nAll steps passed in %d s.\n' $((SECONDS - started))
