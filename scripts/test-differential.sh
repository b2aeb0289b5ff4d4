#!/bin/bash
# Random operations on buffers, run against libgstreamer-1.0 and against the installed library side by side.
#
#   scripts/test-differential.sh [PREFIX] [--long] [--seed S]     PREFIX: where the library was installed
#
# --long runs a million operations and more. A failure names the seed that brings it back.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."

if [ $# -gt 0 ] && [ -d "$1" ]; then
    prefix=$(readlink -f "$1")
    export PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
    shift
fi
pkg-config --exists framewire gstreamer-1.0 || {
    echo "test-differential: pkg-config does not find framewire and gstreamer-1.0 (libgstreamer1.0-dev)" >&2
    exit 1
}
libdir=$(pkg-config --variable=libdir framewire)
export LD_LIBRARY_PATH="$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
read -ra flags <<<"$(pkg-config --cflags --libs framewire gstreamer-1.0)"
gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -O1 -g Tests/Differential/*.c -o "$work/buffers_differential" "${flags[@]}" -pthread
"$work/buffers_differential" "$@"
