#!/bin/bash
# What `framewire capture` costs a program: the frame rate of glxgears alone, captured with nobody listening, and captured with a
# receiver on the same machine, in turns.
#
#   Benchmarks/gl/capture.sh PREFIX [ROUNDS]       PREFIX: where Framewire was installed; ROUNDS: 5 unless told otherwise
#
# First the time of a swap of nothing, alone and captured. Needs a display (xvfb-run -s '-screen 0 2048x1200x24' …). Prints the median of the rounds for each size and way.
set -eu
export LC_ALL=C vblank_mode=0
prefix=$(readlink -f "${1:?usage: Benchmarks/gl/capture.sh PREFIX [ROUNDS]}")
rounds=${2:-5}
command=$prefix/bin/framewire
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cc -O2 -std=c99 -Wall -Wextra -Wpedantic -Werror "$(dirname "$0")/swap_cost.c" -o "$work/swap_cost" -lEGL
for _ in 1 2 3; do
    printf 'a swap: %s alone, %s captured without a receiver\n' "$("$work/swap_cost" 2>/dev/null)" \
        "$("$command" capture --to tcp://127.0.0.1:9 -- "$work/swap_cost" 2>/dev/null)"
done

# Frames per second of the first five seconds.
gears() {
    timeout 5.6 stdbuf -oL "$@" glxgears -geometry "$size" 2>/dev/null | sed -n 's/.*= \([0-9.]*\) FPS/\1/p' | head -n 1
}

with_receiver() {
    "$command" receive tcp://127.0.0.1:0 --ready-file "$work/port" >/dev/null 2>&1 &
    local receiver=$!
    while [ ! -s "$work/port" ]; do sleep 0.05; done
    gears "$command" capture --to "tcp://127.0.0.1:$(cat "$work/port")" "$@" --
    kill $receiver
    wait $receiver || true
    rm "$work/port"
}

printf '%-10s %10s %14s %14s %16s\n' size alone 'no receiver' 'receiver' 'receiver, 30 fps'
for size in 300x300 1280x720 1920x1080; do
    for _ in $(seq "$rounds"); do
        gears env >>"$work/$size-alone"
        gears "$command" capture --to tcp://127.0.0.1:9 -- >>"$work/$size-none"
        with_receiver >>"$work/$size-receiver"
        with_receiver --fps 30 >>"$work/$size-slow"
    done
    median() { sort -n "$work/$size-$1" | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }
    printf '%-10s %10s %14s %14s %16s\n' $size "$(median alone)" "$(median none)" "$(median receiver)" "$(median slow)"
done
