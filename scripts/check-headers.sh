#!/bin/bash
# Compiles every C header alone, as C99 and as C++11, with each compiler that is there; warnings are errors.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."

compilers="gcc clang"
if command -v swift >/dev/null; then
    # The clang that comes with Swift reads the headers for Swift's sake.
    beside=$(dirname "$(readlink -f "$(command -v swift)")")/clang
    [ ! -x "$beside" ] || compilers="gcc $beside"
fi

status=0
checked=0
for compiler in $compilers; do
    command -v "$compiler" >/dev/null || continue
    for header in include/framewire/*.h; do
        for language in "c c99" "c++ c++11"; do
            read -r name standard <<<"$language"
            # Included, not compiled itself: then it is no main file, of which compilers warn.
            echo "#include \"framewire/$(basename "$header")\"" |
                "$compiler" -x "$name" "-std=$standard" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -Iinclude - || {
                echo "check-headers: $header does not compile alone as $standard with $compiler" >&2
                status=1
            }
            checked=$((checked + 1))
        done
    done
done
if [ $checked = 0 ]; then
    echo "check-headers: neither gcc nor clang was found" >&2
    exit 1
fi
exit $status
