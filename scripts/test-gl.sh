#!/bin/bash
# Builds the programs of Tests/GL against an installed library, and runs each with contexts of every kind that the readback knows:
# OpenGL 4.5 core and compatibility, OpenGL ES 3, and two OpenGL 2.1 that Mesa plays.
#
#   scripts/test-gl.sh [PREFIX]       PREFIX: where the library was installed; else where pkg-config finds it
#
# One line per run and a count at the end; the exit status says whether all passed. KINDS='core es …' chooses contexts, TESTS='NAME …'
# programs. No display is needed: EGL on Mesa's software renderer, and GLX under Xvfb. The tests of the ring and of errors run under valgrind too, if it is
# there, where what concerns this library alone counts; VALGRIND=0 leaves that out.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."

if [ $# -gt 0 ]; then
    prefix=$(readlink -f "$1")
    export PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
fi
read -ra flags <<<"$(pkg-config --cflags --libs framewire egl)"
libdir=$(pkg-config --variable=libdir framewire)
export LD_LIBRARY_PATH="$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" LIBGL_ALWAYS_SOFTWARE=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# What Mesa is told, by kind.
old="MESA_GL_VERSION_OVERRIDE=2.1"
hidden="-GL_ARB_sync -GL_ARB_buffer_storage -GL_ARB_map_buffer_range"

# run PROGRAM KIND: with a context of that kind.
run() {
    local settings=()
    case $2 in
    old) settings=("$old" "MESA_EXTENSION_OVERRIDE=$hidden") ;;
    ext) settings=("$old" "MESA_EXTENSION_OVERRIDE=$hidden -GL_ARB_framebuffer_object") ;;
    esac
    if timeout --kill-after=10 120 env "${settings[@]}" "$work/$1" "$2" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        printf 'ok      %s, %s\n' "$1" "$(tail -n 1 "$work/log")"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s, %s\n' "$1" "$2"
        sed 's/^/        /' "$work/log"
    fi
}

for source in Tests/GL/*_test.c; do
    name=$(basename "$source" .c)
    case " ${TESTS:-$name} " in *" $name "*) ;; *) continue ;; esac
    gcc -std=c99 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror -g -O1 "$source" -o "$work/$name" "${flags[@]}" -pthread
    for kind in ${KINDS:-core compat es old ext}; do run "$name" "$kind"; done
    case $name in ring_test | errors_test) ;; *) continue ;; esac
    if [ "${VALGRIND:-1}" = 0 ] || ! command -v valgrind >/dev/null; then continue; fi
    if FRAMEWIRE_TEST_QUICK=1 LP_NUM_THREADS=0 timeout --kill-after=10 300 valgrind --quiet --fair-sched=yes --leak-check=full \
        --show-leak-kinds=definite "$work/$name" core >"$work/log" 2>&1 && ! grep -q libframewire "$work/log"; then
        passed=$((passed + 1))
        printf 'ok      %s, core, valgrind\n' "$name"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s, core, valgrind\n' "$name"
        sed 's/^/        /' "$work/log"
    fi
done

# By GLX in a window, if there is an X server that needs no screen.
if command -v Xvfb >/dev/null && pkg-config --exists x11 gl; then
    read -ra libraries <<<"$(pkg-config --cflags --libs framewire x11 gl)"
    gcc -std=c99 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror -g -O1 Tests/GL/glx_window.c -o "$work/glx_window" \
        "${libraries[@]}"
    Xvfb -displayfd 3 -screen 0 320x240x24 -nolisten tcp -noreset 3>"$work/display" 2>"$work/xvfb.log" &
    xvfb=$!
    trap 'kill $xvfb; rm -rf "$work"' EXIT
    for ((tries = 0; tries < 200; tries++)); do
        if [ -s "$work/display" ]; then break; fi
        sleep 0.05
    done
    DISPLAY=:$(cat "$work/display")
    export DISPLAY
    for kind in core compat old ext; do run glx_window "$kind"; done
else
    echo 'skipped glx_window: it needs Xvfb and the headers of X11'
fi

printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
