#!/usr/bin/env bash
# Runs the interoperability checks of Tests/Interop against an installed Framewire: stock nc, lz4, file and
# GStreamer on the other side of the library and of the `framewire` command.
#
#   scripts/test-interop.sh PREFIX       or FRAMEWIRE_PREFIX in the environment
#
# Prints one line for each check: `ok NAME`, `FAILED NAME: why` or `skipped NAME: why`; then how many there
# were of each. Exits with 1 when one failed. ONLY=REGEX in the environment chooses by name.
set -u
export LC_ALL=C

PREFIX=${1:-${FRAMEWIRE_PREFIX:-}}
if [ -z "$PREFIX" ] || [ ! -e "$PREFIX/lib/libframewire.so" ]; then
    echo "test-interop: no libframewire.so under '$PREFIX/lib'; run 'make install PREFIX=…' and give that PREFIX" >&2
    exit 2
fi
PREFIX=$(realpath "$PREFIX")
SOURCES=$(realpath "$(dirname "$0")/../Tests/Interop")
WORK=$(mktemp -d)
BIN=$WORK/bin
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig LD_LIBRARY_PATH=$PREFIX/lib
mkdir "$BIN"
build() {
    local program=$1
    shift
    cc -std=c99 -O2 -Wall -Wextra -Wpedantic -Werror -I"$PREFIX/include" -o "$BIN/$program" "$@" \
        -L"$PREFIX/lib" -lframewire || {
        echo "test-interop: $program does not compile against the library in $PREFIX" >&2
        exit 1
    }
}
build frame_source "$SOURCES/frame_source.c" "$SOURCES/pictures.c"
build frame_sink "$SOURCES/frame_sink.c"
build frames_among "$SOURCES/frames_among.c"
build rtp_packets "$SOURCES/rtp_packets.c" "$SOURCES/../../samples/rtp-h264/access_units.c"

# shellcheck source=/dev/null
. "$SOURCES/common.sh"
for part in netcat recordings gstreamer rtp readers foreign command view tls installation; do
    # shellcheck source=/dev/null
    . "$SOURCES/$part.sh"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
