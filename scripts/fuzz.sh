#!/usr/bin/env bash
# Builds the fuzzer of the tile codec's decoder (libFuzzer with the address sanitizer, on the library's own sources) and runs it.
#
#   scripts/fuzz.sh [SECONDS] [OPTION…]     60 seconds unless told; OPTIONs go to libFuzzer; 0 seconds only builds
#
# It starts from what the encoder makes of small pictures and from the committed inputs in Tests/CodecTests/Corpus, which the
# ordinary tests replay. What it finds stays in .build-fuzz/corpus for the next run; an input that it fails on in .build-fuzz/findings:
# shrink it with `.build-fuzz/tile-fuzzer -minimize_crash=1 -max_total_time=60 FILE` and commit it to Tests/CodecTests/Corpus.
# Inputs that reach new code go there by `.build-fuzz/tile-fuzzer -merge=1 -use_counters=0 -max_len=1024 Tests/CodecTests/Corpus
# .build-fuzz/corpus .build-fuzz/seeds`.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
out=$PWD/.build-fuzz
mkdir -p "$out/seeds" "$out/corpus" "$out/findings"

modules=()
for folder in Sources/C*/module.modulemap; do modules+=(-Xcc "-fmodule-map-file=$PWD/$folder"); done
# Unchecked arithmetic would hide what the library's checks catch in its users' programs: -O, not -Ounchecked.
flags=(-O -g -wmo -swift-version 6 -parse-as-library -package-name framewire -I "$out" "${modules[@]}")

# module NAME SOURCES…: to $out/NAME.o and $out/NAME.swiftmodule
module() {
    local name=$1
    shift
    swiftc "${flags[@]}" -sanitize=fuzzer,address -module-name "$name" -emit-module \
        -emit-module-path "$out/$name.swiftmodule" -c "$@" -o "$out/$name.o"
}
module Buffers Sources/Buffers/*.swift
module Codec Sources/Codec/*.swift
module Fuzzing Tests/Fuzz/*.swift
objects=("$out/Buffers.o" "$out/Codec.o" "$out/Fuzzing.o")
swiftc "${flags[@]}" -use-ld=lld -sanitize=fuzzer,address -module-name TileFuzzer Tests/Fuzz/Entry/TileFuzzer.swift "${objects[@]}" \
    -llz4 -o "$out/tile-fuzzer"

FRAMEWIRE_FUZZ_SEEDS="$out/seeds" "$out/tile-fuzzer" >"$out/seeds.log" 2>&1 || {
    cat "$out/seeds.log"
    exit 1
}
[ "$seconds" != 0 ] || exit 0
"$out/tile-fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="$out/findings/" "$@" "$out/corpus" "$out/seeds" Tests/CodecTests/Corpus
