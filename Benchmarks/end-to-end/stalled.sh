#!/usr/bin/env bash
# What a receiver that has stopped costs the others of its sender: the age of frames at delivery at one receiver, alone and beside one
# that is stopped, in turns.
#
#   Benchmarks/end-to-end/stalled.sh PREFIX FILE [option VALUE]…
#
# PREFIX: where Framewire is installed. FILE: raw frames; its name ends in _WIDTHxHEIGHT_rgba.raw.
#
#   --link LINK           loopback, or a rate as tc writes it, which needs root: loopback
#   --profile PROFILE     auto, tile, lz4 or raw: auto
#   --fps N               frames a second: 60
#   --rounds N            of one measurement alone and one beside: 9
#   --seconds N           of each measurement: 10
#
# Prints a line a round, and the medians of the changes in per cent. Run it on a machine that does nothing else.
set -eu
export LC_ALL=C

# shellcheck source=/dev/null
. "$(dirname "$0")/../common.sh"

[ $# -ge 2 ] || usage
prefix=$(realpath "$1")
file=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
shift 2
link=loopback profile=auto fps=60 rounds=9 seconds=10
while [ $# -ge 2 ]; do
    case $1 in
    --link) link=$2 ;;
    --profile) profile=$2 ;;
    --fps) fps=$2 ;;
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
    *)
        echo "stalled.sh: unknown option $1" >&2
        exit 2
        ;;
    esac
    shift 2
done

cc -std=gnu11 -O2 -Wall -Wextra -o "$work/framewire_peer" "$here/framewire_peer.c" "$here/bench.c" "-I$prefix/include" "-L$prefix/lib" \
    "-Wl,-rpath,$prefix/lib" -lframewire
use_link "$link"

# The number behind a name in a file of `name value` lines.
value() { sed -n "s/^$1 //p" "$2"; }

await_file() {
    local tries=0
    until [ -s "$1" ]; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || { echo "stalled.sh: waited in vain for $2" >&2 && exit 1; }
        sleep 0.05
    done
}

# sink NAME [option VALUE]…: a receiver in the background; sets `pid`. It is connected when this returns.
sink() {
    "${at_b[@]}" "$work/framewire_peer" sink --connect 1 --host "$address_of_a" --port "$port" --seconds "$seconds" --report "$work/$1" \
        --ready "$work/$1.ready" "${@:2}" &
    pid=$!
    await_file "$work/$1.ready" "a receiver's connection"
}

# measure alone|beside: appends `p50 p99 missed` to the file of this name.
measure() {
    local source pid port stopped='' receivers=1
    rm -f "$work"/source* "$work"/sink* "$work"/stopped*
    [ "$1" = alone ] || receivers=2
    "${at_a[@]}" "$work/framewire_peer" source --way "$profile" --file "$file" --seconds "$seconds" --fps "$fps" --host "$address_of_a" \
        --port 0 --receivers $receivers --report "$work/source" --ready "$work/source.ready" &
    source=$!
    await_file "$work/source.ready" "the sender"
    port=$(cat "$work/source.ready")
    # The one that stops comes first, so that it is served first, too.
    if [ "$1" = beside ]; then
        sink stopped --stall 1
        stopped=$pid
    fi
    sink sink
    wait $source
    wait "$pid"
    if [ -n "$stopped" ]; then
        grep -q '^State:.*stopped' "/proc/$stopped/status" || { echo "stalled.sh: the other receiver did not stop" >&2 && exit 1; }
        kill -KILL "$stopped"
        { wait "$stopped" || true; } 2>/dev/null
    fi
    echo "$(value p50_ms "$work/sink") $(value p99_ms "$work/sink")" \
        "$(($(value taken "$work/source") - $(value frames "$work/sink")))" >>"$work/$1"
}

echo "$(basename "$file"), $profile, $link, $fps frames a second, $rounds rounds of $seconds s each way;" \
    "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors, Linux $(uname -r), $(date +%F)," \
    "load $(cut -d ' ' -f 1 /proc/loadavg)"
printf '%5s %10s %10s %8s %12s %10s %8s %9s\n' round 'alone p50' 'p99 ms' missed 'beside p50' 'p99 ms' missed 'p99 + %'
for round in $(seq "$rounds"); do
    # In turns who is first, so that what drifts counts for both.
    if [ $((round % 2)) = 1 ]; then order='alone beside'; else order='beside alone'; fi
    for way in $order; do measure "$way"; done
    paste -d ' ' "$work/alone" "$work/beside" | tail -n 1 |
        awk -v round="$round" '{ printf "%5d %10.2f %10.2f %8d %12.2f %10.2f %8d %+9.1f\n", round, $1, $2, $3, $4, $5, $6, 100 * ($5 / $2 - 1) }'
done
paste -d ' ' "$work/alone" "$work/beside" | awk '
    function median_of(list, n,   i, j, kept) {
        for (i = 2; i <= n; i++) {
            kept = list[i]
            for (j = i; j > 1 && list[j - 1] > kept; j--) list[j] = list[j - 1]
            list[j] = kept
        }
        return (list[int((n + 1) / 2)] + list[int(n / 2) + 1]) / 2
    }
    { p50[NR] = 100 * ($4 / $1 - 1); p99[NR] = 100 * ($5 / $2 - 1); alone[NR] = $2; missed += $6 }
    END {
        printf "\nmedian change beside a stopped receiver: p99 %+.1f %%, p50 %+.1f %%; %d frames missed\n", median_of(p99, NR),
            median_of(p50, NR), missed
        middle = median_of(alone, NR)
        printf "p99 alone, for what the machine does by itself: %.2f ms in the median, from %+.1f %% to %+.1f %% of it\n", middle,
            100 * (alone[1] / middle - 1), 100 * (alone[NR] / middle - 1)
    }'
