#!/bin/bash
# Builds the programs of Tests/CAPI against an installed library by pkg-config, and runs each, natively and under valgrind.
#
#   scripts/test-capi.sh [PREFIX]     PREFIX: where the library was installed; else where pkg-config finds it
#
# One line per run and a count at the end; the exit status says whether all passed. VALGRIND=0 leaves valgrind out, SKIP='NAME …'
# leaves programs out.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."

if [ $# -gt 0 ]; then
    prefix=$(readlink -f "$1")
    export PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
fi
pkg-config --exists framewire || {
    echo "test-capi: pkg-config does not find framewire; give the PREFIX it was installed to" >&2
    exit 1
}
read -ra flags <<<"$(pkg-config --cflags --libs framewire)"
libdir=$(pkg-config --variable=libdir framewire)
export LD_LIBRARY_PATH="$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings=(-Wall -Wextra -Wpedantic -Werror -g -O1)
passed=0
failed=0

# run LABEL COMMAND…: one line, and what the command printed if it failed.
run() {
    local label=$1 started=$SECONDS
    shift
    if timeout --kill-after=10 300 "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        printf 'ok      %s (%d s)\n' "$label" $((SECONDS - started))
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n' "$label"
        sed 's/^/        /' "$work/log"
    fi
}

valgrind=()
if [ "${VALGRIND:-1}" != 0 ]; then
    if command -v valgrind >/dev/null; then
        # Fair scheduling: else a thread that is busy can keep the others from running. The program that counts allocations
        # keeps its own malloc, which calls the C library's, which is valgrind's.
        valgrind=(valgrind --quiet --fair-sched=yes --soname-synonyms=somalloc=nouserintercepts
            --leak-check=full --errors-for-leak-kinds=definite,possible --show-leak-kinds=definite,possible
            --error-exitcode=9)
    else
        echo "test-capi: valgrind was not found; leaks and invalid accesses are not looked for" >&2
        failed=$((failed + 1))
    fi
fi

for source in Tests/CAPI/*.c Tests/CAPI/*.cpp; do
    name=$(basename "${source%.*}")
    case " ${SKIP:-} " in *" $name "*) continue ;; esac
    case $source in
    *.cpp) compile=(g++ -std=c++11) ;;
    *) compile=(gcc -std=c99 -D_POSIX_C_SOURCE=200809L) ;;
    esac
    if ! "${compile[@]}" "${warnings[@]}" "$source" -o "$work/$name" "${flags[@]}" -pthread -ldl >"$work/log" 2>&1; then
        failed=$((failed + 1))
        printf 'FAILED  %s does not compile\n' "$name"
        sed 's/^/        /' "$work/log"
        continue
    fi
    run "$name" "$work/$name"
    if [ ${#valgrind[@]} -gt 0 ]; then
        run "$name, valgrind" env FRAMEWIRE_TEST_QUICK=1 "${valgrind[@]}" "$work/$name"
    fi
done

printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
