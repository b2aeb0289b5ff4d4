#!/bin/bash
# Compares buffers with libgstreamer-1.0: builds Tests/Differential against an installed library and runs random traces, natively
# and, with fewer operations, under valgrind.
#
#   scripts/test-differential.sh [PREFIX] [--long] [--seed N]     PREFIX: where the library was installed; else where pkg-config
#                                                                 finds it. --long: at least 1000000 operations
#
# One line per run and a count at the end; the exit status says whether all passed. VALGRIND=0 leaves valgrind out.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."

options=()
prefix=
while [ $# -gt 0 ]; do
    case $1 in
    --long) options+=(--long) ;;
    --seed)
        options+=(--seed "${2:?--seed needs a number}")
        shift
        ;;
    -*)
        echo "usage: $0 [PREFIX] [--long] [--seed N]" >&2
        exit 2
        ;;
    *) prefix=$(readlink -f "$1") ;;
    esac
    shift
done
if [ -n "$prefix" ]; then
    export PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
fi
for module in framewire gstreamer-1.0; do
    pkg-config --exists $module || {
        echo "test-differential: pkg-config does not find $module; framewire is where PREFIX says, the other in the Debian" \
            "package libgstreamer1.0-dev" >&2
        exit 1
    }
done
read -ra flags <<<"$(pkg-config --cflags --libs framewire gstreamer-1.0)"
libdir=$(pkg-config --variable=libdir framewire)
export LD_LIBRARY_PATH="$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# GStreamer's core alone is compared. With many plugins GLib outgrows its first table of names, which it never frees.
export GST_PLUGIN_SYSTEM_PATH_1_0='' GST_REGISTRY="$work/registry"
passed=0
failed=0

# run LABEL COMMAND…: one line, and what the command printed if it failed.
run() {
    local label=$1 started=$SECONDS
    shift
    if timeout --kill-after=10 900 "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        printf 'ok      %s: %s (%d s)\n' "$label" "$(grep -E ' operations' "$work/log")" $((SECONDS - started))
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n' "$label"
        sed 's/^/        /' "$work/log"
    fi
}

gcc -std=gnu99 -Wall -Wextra -Werror -g -O1 Tests/Differential/*.c -o "$work/buffers_differential" "${flags[@]}"
run "buffers beside libgstreamer $(pkg-config --modversion gstreamer-1.0)" "$work/buffers_differential" "${options[@]}"
if [ "${VALGRIND:-1}" != 0 ]; then
    if command -v valgrind >/dev/null; then
        # What libgstreamer keeps for good is still reachable at the end. Its slices would hide accesses to freed memory.
        run "the same, valgrind" env G_SLICE=always-malloc valgrind --quiet --leak-check=full \
            --errors-for-leak-kinds=definite --show-leak-kinds=definite --error-exitcode=9 \
            "$work/buffers_differential" --operations 20000
    else
        echo "test-differential: valgrind was not found; leaks and invalid accesses are not looked for" >&2
        failed=$((failed + 1))
    fi
fi

printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
