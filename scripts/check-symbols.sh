#!/bin/bash
# Checks what a built library shows and needs: the functions that the headers declare are those that it exports and those of
# packaging/symbols.txt; it needs the C library and LZ4 only; it has its soname; it is small.
#
#   scripts/check-symbols.sh LIBRARY
set -eu
export LC_ALL=C
library=$(readlink -f "${1:?usage: scripts/check-symbols.sh LIBRARY}")
cd "$(dirname "$0")/.."

# The aim is 400 KiB. The readback of OpenGL, 29 KB, RTP, 45 KB, and profile huffman, 17 KB, are more than there was room for.
limit=$((500 * 1024))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

complain() {
    echo "check-symbols: $*" >&2
    status=1
}

scripts/symbols.sh >"$work/declared in the headers"
sort -u packaging/symbols.txt >"$work/listed in symbols.txt"
nm -D --defined-only --extern-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u \
    >"$work/exported by the library"
[ -s "$work/declared in the headers" ] || complain "no function was found in include/framewire"
(cd "$work" && diff -u "declared in the headers" "listed in symbols.txt") >&2 ||
    complain "packaging/symbols.txt differs from the headers; 'make symbols' rewrites it"
(cd "$work" && diff -u "declared in the headers" "exported by the library") >&2 ||
    complain "$library does not export what the headers declare"

readelf --dynamic --wide "$library" >"$work/dynamic"
sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' "$work/dynamic" >"$work/needed"
while read -r name; do
    case $name in
    libc.so.6 | libm.so.6 | liblz4.so.1 | ld-linux-x86-64.so.2) ;;
    *) complain "$library needs $name" ;;
    esac
done <"$work/needed"

major=$(sed -n 's/^#define FW_VERSION_MAJOR //p' include/framewire/version.h)
soname=$(sed -n 's/.*(SONAME).*\[\(.*\)\].*/\1/p' "$work/dynamic")
[ "$soname" = "libframewire.so.$major" ] || complain "the soname is '$soname', not libframewire.so.$major"

# What a Swift runtime, a C++ library or another Unicode library would have to give.
foreign=$(nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $NF); print $NF }' |
    grep -E '^(swift_|_?\$s|_swift|_Z|__cxa_(throw|begin|pure)|u_|arc4random)' || true)
[ -z "$foreign" ] || complain "$library wants from elsewhere:" $foreign

strip --strip-unneeded -o "$work/stripped" "$library"
size=$(stat -c %s "$work/stripped")
[ "$size" -lt "$limit" ] || complain "$library has $size bytes stripped, the limit is $limit"
exit $status
