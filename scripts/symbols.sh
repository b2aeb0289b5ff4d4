#!/bin/sh
# Prints every function that include/framewire/*.h declares, sorted, one a line.
#
#   scripts/symbols.sh                    what the headers declare
#   scripts/symbols.sh --check LIBRARY    compares headers, packaging/symbols.txt and what LIBRARY exports; 0 if all agree
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."

# The preprocessor takes comments and macros away; what then stands before a parenthesis is a function, unless it is a typedef.
declared() {
    ${CC:-cc} -E -P -std=c99 include/framewire/framewire.h | tr '\n' ' ' | tr ';{}' '\n\n\n' | grep -v typedef |
        grep -oE 'fw_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u
}

exported() {
    nm -D --defined-only --extern-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u
}

if [ "${1:-}" != --check ]; then
    declared
    exit
fi

library=${2:?usage: scripts/symbols.sh --check LIBRARY}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
declared >"$work/declared in the headers"
cp packaging/symbols.txt "$work/listed in symbols.txt"
exported "$library" >"$work/exported by the library"
cd "$work"
status=0
diff -u "declared in the headers" "listed in symbols.txt" || status=1
diff -u "declared in the headers" "exported by the library" || status=1
if [ $status = 0 ]; then
    echo "symbols: $(wc -l <"declared in the headers") functions declared, listed and exported"
else
    echo "symbols: the lists above differ; 'make symbols' rewrites packaging/symbols.txt from the headers" >&2
fi
exit $status
