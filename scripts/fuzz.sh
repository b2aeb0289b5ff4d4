#!/usr/bin/env bash
# Builds the fuzzers (libFuzzer with the address sanitizer, on the library's own sources) and runs them one after another.
#
#   scripts/fuzz.sh [SECONDS] [OPTION…]     60 seconds each unless told; OPTIONs go to libFuzzer; 0 seconds only builds
#
#   tile        payloads of the tile codec     Tests/CodecTests/Corpus
#   wire        the parser of streams          Tests/FramewireTests/Corpus/wire
#   receiver    whole streams, decoded         Tests/FramewireTests/Corpus/receiver
#   rtp         packets of H.264               Tests/RTPTests/Corpus
#
# FUZZERS='wire …' chooses some of them.
#
# A fuzzer starts from what the encoder makes of small pictures and from the committed inputs, which the ordinary tests replay. What
# it finds stays in .build-fuzz/NAME/corpus for the next run; an input that it fails on in .build-fuzz/NAME/findings: shrink it with
# `.build-fuzz/NAME-fuzzer -minimize_crash=1 -max_total_time=60 FILE` and commit it. Inputs that reach new code are brought there by
# `.build-fuzz/NAME-fuzzer -merge=1 -use_counters=0 -max_len=1024 COMMITTED .build-fuzz/NAME/corpus .build-fuzz/NAME/seeds`.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
out=$PWD/.build-fuzz
mkdir -p "$out"

modules=()
for folder in Sources/C*/module.modulemap; do modules+=(-Xcc "-fmodule-map-file=$PWD/$folder"); done
# Unchecked arithmetic would hide what the library's checks catch in its users' programs: -O, not -Ounchecked.
flags=(-O -g -wmo -swift-version 6 -parse-as-library -package-name framewire -I "$out" "${modules[@]}")

objects=()
# module NAME SOURCES…: to $out/NAME.o and $out/NAME.swiftmodule
module() {
    local name=$1
    shift
    swiftc "${flags[@]}" -sanitize=fuzzer,address -module-name "$name" -emit-module \
        -emit-module-path "$out/$name.swiftmodule" -c "$@" -o "$out/$name.o"
    objects+=("$out/$name.o")
}
for name in Buffers Codec Wire Transport RTP Framewire; do module $name Sources/$name/*.swift; done
module Fuzzing Tests/Fuzz/*.swift

# fuzzer NAME ENTRY COMMITTED LONGEST OPTION…
fuzzer() {
    local name=$1 entry=$2 committed=$3 longest=$4
    shift 4
    case " ${FUZZERS:-tile wire receiver rtp} " in *" $name "*) ;; *) return 0 ;; esac
    mkdir -p "$out/$name/seeds" "$out/$name/corpus" "$out/$name/findings"
    swiftc "${flags[@]}" -use-ld=lld -sanitize=fuzzer,address -module-name "$entry" "Tests/Fuzz/Entry/$entry.swift" \
        "${objects[@]}" -llz4 -o "$out/$name-fuzzer"
    FRAMEWIRE_FUZZ_SEEDS="$out/$name/seeds" "$out/$name-fuzzer" >"$out/$name/seeds.log" 2>&1 || {
        cat "$out/$name/seeds.log"
        exit 1
    }
    [ "$seconds" != 0 ] || return 0
    "$out/$name-fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len="$longest" -print_final_stats=1 \
        -artifact_prefix="$out/$name/findings/" "$@" "$out/$name/corpus" "$out/$name/seeds" "$committed"
}
fuzzer tile TileFuzzer Tests/CodecTests/Corpus 4096 "$@"
fuzzer wire WireFuzzer Tests/FramewireTests/Corpus/wire 4096 "$@"
fuzzer receiver ReceiverFuzzer Tests/FramewireTests/Corpus/receiver 16384 "$@"
fuzzer rtp PacketFuzzer Tests/RTPTests/Corpus 4096 "$@"
