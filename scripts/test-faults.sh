#!/usr/bin/env bash
# Runs the fault tests of Tests/Faults against an installed Framewire: slow and broken links, peers that are killed or stopped,
# strangers on the port, thousands of connections, hours of stream.
#
#   scripts/test-faults.sh PREFIX       or FRAMEWIRE_PREFIX in the environment
#
# Prints one line for each test: `ok NAME`, `FAILED NAME: why` or `skipped NAME: why`; then how many there were of each. Exits with 1
# when one failed. Links are network namespaces, which need root and iproute2; without them their tests are skipped. ONLY=REGEX in the
# environment chooses by name, TIMES=1 says how long each took, FRAMEWIRE_SEED repeats the random points of a run.
set -u
export LC_ALL=C

PREFIX=${1:-${FRAMEWIRE_PREFIX:-}}
if [ -z "$PREFIX" ] || [ ! -e "$PREFIX/lib/libframewire.so" ]; then
    echo "test-faults: no libframewire.so under '$PREFIX/lib'; run 'make install PREFIX=…' and give that PREFIX" >&2
    exit 2
fi
PREFIX=$(realpath "$PREFIX")
FAULTS=$(realpath "$(dirname "$0")/../Tests/Faults")
SOURCES=$(realpath "$(dirname "$0")/../Tests/Interop")
WORK=$(mktemp -d)
BIN=$WORK/bin
export LD_LIBRARY_PATH=$PREFIX/lib

# shellcheck source=/dev/null
. "$(dirname "$0")/link.sh"
# shellcheck source=/dev/null
. "$SOURCES/common.sh"
# shellcheck source=/dev/null
. "$FAULTS/common.sh"
trap 'remove_link; rm -rf "$WORK"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$BIN"
for source in "$FAULTS"/*.c; do
    program=$(basename "$source" .c)
    cc -std=c99 -D_POSIX_C_SOURCE=200809L -O2 -Wall -Wextra -Wpedantic -Werror -I"$PREFIX/include" -o "$BIN/$program" "$source" \
        -L"$PREFIX/lib" -lframewire -pthread || {
        echo "test-faults: $program does not compile against the library in $PREFIX" >&2
        exit 1
    }
done

SEED=${FRAMEWIRE_SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$SEED
echo "random points by FRAMEWIRE_SEED=$SEED"
look_for_links

for part in links peers several strangers long; do
    # shellcheck source=/dev/null
    . "$FAULTS/$part.sh"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
