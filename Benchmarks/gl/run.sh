#!/bin/sh
# Builds the benchmark against an installed library and runs it: run.sh PREFIX [options of readback_benchmark]
set -eu
prefix=$(realpath "${1:?usage: run.sh PREFIX [options]}")
shift
cd "$(dirname "$0")"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2046 -- flags are words
cc -O2 -std=c99 -Wall -Wextra -Wpedantic -Werror readback_benchmark.c -o "$work/readback_benchmark" \
    $(pkg-config --cflags --libs framewire egl) -Wl,-rpath,"$prefix/lib"
"$work/readback_benchmark" "$@"
