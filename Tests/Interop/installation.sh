# The installed library is used the ways C programs use libraries, and brings no Swift with it.

library=$PREFIX/lib/libframewire.so.0

by_pkg_config() {
    need pkg-config
    local flags
    flags=$(pkg-config --cflags --libs framewire) || fail "pkg-config does not find framewire"
    # shellcheck disable=SC2086 -- several flags
    cc -std=c99 -Wall -Wextra -Wpedantic -Werror -o round_trip "$SOURCES/round_trip.c" $flags
    limit ./round_trip
}

by_cmake() {
    need cmake
    cmake -S "$SOURCES/cmake" -B build -DCMAKE_PREFIX_PATH="$PREFIX" -DCMAKE_BUILD_TYPE=Release
    cmake --build build
    # CMake gives the program a run path: it runs without help.
    env -u LD_LIBRARY_PATH timeout 60 build/round_trip
}

build_round_trip() {
    cc -std=c99 -o round_trip "$SOURCES/round_trip.c" -I"$PREFIX/include" -L"$PREFIX/lib" -lframewire
}

# Nothing of the environment that a Swift tool chain would set up.
in_empty_environment() {
    build_round_trip
    env -i LD_LIBRARY_PATH="$PREFIX/lib" timeout 60 ./round_trip
}

no_swift_libraries() {
    need ldd
    build_round_trip
    ldd ./round_trip >libraries
    cat libraries
    if grep -q 'not found' libraries; then fail "missing: $(grep 'not found' libraries)"; fi
    if grep -Eiq 'swift|stdc\+\+|Foundation|icu' libraries; then
        fail "needs $(grep -Ei 'swift|stdc\+\+|Foundation|icu' libraries | tr '\n' ' ')"
    fi
}

# In a root folder that holds the program and what ldd lists, and nothing else of this machine.
in_empty_root() {
    need ldd chroot
    build_round_trip
    mkdir -p root/lib
    cp round_trip root/
    ldd ./round_trip | grep -o '/[^ ]*' >libraries
    local file
    while read -r file; do
        case $file in
        */ld-*.so*) mkdir -p "root$(dirname "$file")" && cp -L "$file" "root$file" ;;
        *) cp -L "$file" root/lib/ ;;
        esac
    done <libraries
    local enter=(chroot)
    [ "$(id -u)" = 0 ] || enter=(unshare --map-root-user chroot)
    "${enter[@]}" / true || skip "a program may not change its root folder here"
    env -i PATH="$PATH" LD_LIBRARY_PATH=/lib timeout 60 "${enter[@]}" root /round_trip
}

needed_libraries() {
    need readelf
    readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort >needed
    local odd
    odd=$(grep -Evx 'libc\.so\.6|libm\.so\.6|liblz4\.so\.1|ld-linux-.*' needed | tr '\n' ' ')
    [ -z "$odd" ] || fail "the library also needs $odd"
    readelf -d "$library" | grep -q 'SONAME.*\[libframewire\.so\.0\]' || fail "the soname is not libframewire.so.0"
}

exported_names() {
    need nm
    local odd
    odd=$(nm -D --defined-only --extern-only "$library" |
        awk '$2 != "A" && $3 !~ /^fw_/ { print $3 }' | head -n 5 | tr '\n' ' ')
    [ -z "$odd" ] || fail "also exported: $odd"
}

# sample_sends NAME ARGUMENT...: builds a sample by the line in its README, and runs it, with its recording in NAME.fwr.
sample_sends() {
    local name=$1
    shift
    (cd "samples/$name" && eval "$(grep -m 1 'pkg-config --cflags' README.md)")
    LIBGL_ALWAYS_SOFTWARE=1 limit "samples/$name/$name" "file://$PWD/$name.fwr" "$@"
    framewire inspect "file://$PWD/$name.fwr" >"$name.txt"
    [ -s "$name.txt" ] || fail "$name has sent nothing"
}

samples_send() {
    need_command pkg-config cmake
    pkg-config --exists egl gl || skip 'there are no headers of EGL and OpenGL'
    cp -r "$SOURCES/../../samples" .
    # It takes its five seconds while others are built.
    sample_sends c-minimal &
    local minimal=$!
    sample_sends cpp 3
    sample_sends c-opengl --frames 3 --size 64x48
    sample_sends cpp-opengl 3
    cmake -S samples/cmake -B build -DCMAKE_PREFIX_PATH="$PREFIX"
    cmake --build build
    limit build/renderer "file://$PWD/cmake.fwr"
    framewire receive "file://$PWD/cmake.fwr" --verify
    await_end $minimal c-minimal
}

check installed-pkg-config by_pkg_config
check installed-cmake by_cmake
check installed-empty-environment in_empty_environment
check installed-no-swift no_swift_libraries
check installed-empty-root in_empty_root
check installed-needed needed_libraries
check installed-exports exported_names
check installed-samples samples_send
