#!/usr/bin/env bash
# Tests the GStreamer plugin that `make gstreamer` built: the programs of gstreamer/Tests, natively, under the leaks tracer and
# under valgrind, and pipelines with the command, stock lz4, and an installed library on the other side.
#
#   scripts/test-gstreamer.sh PREFIX      where the library and the command were installed
#
# Prints a line for each check and how many there were; exits with 1 when one failed. ONLY=REGEX chooses by name, VALGRIND=0
# leaves valgrind out.
set -u
export LC_ALL=C

PREFIX=${1:-${FRAMEWIRE_PREFIX:-}}
if [ -z "$PREFIX" ] || [ ! -e "$PREFIX/lib/libframewire.so" ]; then
    echo "test-gstreamer: no libframewire.so under '$PREFIX/lib'; run 'make install PREFIX=…' and give that PREFIX" >&2
    exit 2
fi
PREFIX=$(realpath "$PREFIX")
cd "$(dirname "$0")/.." || exit
PLUGIN=$PWD/.build-output/gstreamer
if [ ! -e "$PLUGIN/libgstframewire.so" ]; then
    echo "test-gstreamer: the plugin is not built; run 'make gstreamer'" >&2
    exit 2
fi
SOURCES=$PWD/gstreamer/Tests
INTEROP=$PWD/Tests/Interop
SAMPLE=$PWD/samples/c-opengl
WORK=$(mktemp -d)
BIN=$WORK/bin
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$BIN"

export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig LD_LIBRARY_PATH=$PREFIX/lib
export GST_PLUGIN_PATH=$PLUGIN GST_REGISTRY=$WORK/registry GIO_USE_PROXY_RESOLVER=dummy
# shellcheck disable=SC2046 -- words of options
for program in formats_test details_test stream_test seek_test network_test states_test dump; do
    cc -std=gnu11 -O1 -g -Wall -Wextra -Werror -o "$BIN/$program" "$SOURCES/$program.c" "$SOURCES/support.c" \
        $(pkg-config --cflags --libs gstreamer-check-1.0 gstreamer-video-1.0 gstreamer-app-1.0 gio-2.0) || exit 1
done
cc -std=c99 -O2 -Wall -Wextra -Werror -I"$PREFIX/include" -o "$BIN/frame_source" "$INTEROP/frame_source.c" "$INTEROP/pictures.c" \
    -L"$PREFIX/lib" -lframewire || exit 1
# Without a version it would be held against that of GStreamer. The registry is written once, not by all programs at the same time.
gst-inspect-1.0 --exists --atleast-version=0.1 lz4enc || {
    echo "test-gstreamer: GStreamer does not load the plugin:" >&2
    gst-inspect-1.0 "$PLUGIN/libgstframewire.so" >&2
    exit 1
}

# shellcheck source=/dev/null
. "$INTEROP/common.sh"
LIMIT=100

# What the plugin shows to the process that loads it.
exports() {
    nm -D --defined-only --extern-only "$PLUGIN/libgstframewire.so" | awk '{ print $3 }' | sort >exported
    printf '%s\n' gst_plugin_framewire_get_desc gst_plugin_framewire_register >wanted
    same wanted exported
    ! readelf --dynamic "$PLUGIN/libgstframewire.so" | grep -E 'libswift|libframewire|RPATH|RUNPATH'
}

# It is put where GStreamer looks, and taken away again.
installs() {
    local file
    env -u MAKEFLAGS -u PREFIX make -s -C "$INTEROP/../.." install-gstreamer DESTDIR="$PWD/stage" >/dev/null
    file=$(find stage -name libgstframewire.so)
    [ "/${file#stage/}" = "$(pkg-config --variable=pluginsdir gstreamer-1.0)/libgstframewire.so" ] || fail "it is in '$file'"
    GST_PLUGIN_PATH=$(dirname "$file") GST_REGISTRY=$PWD/registry gst-inspect-1.0 --exists --atleast-version=0.1 framewiresrc
    env -u MAKEFLAGS -u PREFIX make -s -C "$INTEROP/../.." uninstall-gstreamer DESTDIR="$PWD/stage" >/dev/null
    [ -z "$(find stage -type f)" ] || fail "$(find stage -type f) stays"
}

without_leaks() {
    export FRAMEWIRE_TEST_QUICK=1 GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 GST_DEBUG_FILE=$PWD/leaks GST_DEBUG_NO_COLOR=1
    limit "$BIN/$1"
    [ -s leaks ] || fail "the leaks tracer said nothing"
    ! grep ':0:: object-alive' leaks
}

under_valgrind() {
    FRAMEWIRE_TEST_QUICK=1 limit valgrind --quiet --fair-sched=yes --suppressions="$SOURCES/valgrind.supp" --leak-check=full \
        --errors-for-leak-kinds=definite --show-leak-kinds=definite --error-exitcode=9 "$BIN/$1"
}

# Two Swift runtimes and two copies of the library in one process.
no_clash() {
    need swiftc
    # shellcheck disable=SC2046 -- words of options
    swiftc -parse-as-library -O "$SOURCES/clash_test.swift" -o clash_test -I "$PREFIX/include" \
        -Xcc -fmodule-map-file="$SOURCES/../Sources/CGStreamer/module.modulemap" \
        -Xcc -fmodule-map-file="$SOURCES/../../include/module.modulemap" \
        $(pkg-config --cflags gstreamer-video-1.0 | sed 's/-I/-Xcc -I/g; s/ -pthread//; s/^-pthread//') \
        $(pkg-config --libs gstreamer-video-1.0) -L"$PREFIX/lib" -lframewire
    readelf --dynamic clash_test | grep -q libswiftCore.so || fail "the program has the runtime inside"
    limit ./clash_test
}

check plugin-exports exports
check plugin-installs installs
for program in formats details stream seek network states; do
    check "plugin-$program" limit "$BIN/${program}_test"
    check "plugin-$program-leaks" without_leaks "${program}_test"
    [ "${VALGRIND:-1}" = 0 ] || check "plugin-$program-valgrind" under_valgrind "${program}_test"
done
check plugin-clash no_clash
# shellcheck source=/dev/null
. "$SOURCES/pipelines.sh"

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
