#!/usr/bin/env bash
# What a receiver that has stopped costs the others of its sender: the age of frames at delivery at one receiver, while there is no other,
# and while there is one that is stopped. It comes and goes every few seconds, so that whatever else changes meets both alike.
#
#   Benchmarks/end-to-end/stalled.sh PREFIX FILE [option VALUE]…
#
# PREFIX: where Framewire is installed. FILE: raw frames; its name ends in _WIDTHxHEIGHT_rgba.raw.
#
#   --link LINK           loopback, or a rate as tc writes it, which needs root: loopback
#   --profile PROFILE     auto, tile, lz4 or raw: auto
#   --fps N               frames a second: 60
#   --rounds N            of some seconds alone and some beside the stopped one: 60
#   --seconds N           of each of both; the first of them does not count: 4
#
# Run it on a machine that does nothing else.
set -eu
export LC_ALL=C

# shellcheck source=/dev/null
. "$(dirname "$0")/../common.sh"

[ $# -ge 2 ] || usage
prefix=$(realpath "$1")
file=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
shift 2
link=loopback profile=auto fps=60 rounds=60 seconds=4
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
[ "$seconds" -ge 2 ] || { echo "stalled.sh: --seconds must be 2 or more: the first one does not count" >&2 && exit 2; }

cc -std=gnu11 -O2 -Wall -Wextra -o "$work/framewire_peer" "$here/framewire_peer.c" "$here/bench.c" "-I$prefix/include" "-L$prefix/lib" \
    "-Wl,-rpath,$prefix/lib" -lframewire
use_link "$link"

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
    rm -f "$work/$1.ready"
    "${at_b[@]}" "$work/framewire_peer" sink --connect 1 --host "$address_of_a" --port "$port" --seconds "$all" --report "$work/$1" \
        --ready "$work/$1.ready" "${@:2}" &
    pid=$!
    await_file "$work/$1.ready" "a receiver's connection"
}

echo "$(basename "$file"), $profile, $link, $fps frames a second, $rounds rounds of $seconds s each way;" \
    "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors, Linux $(uname -r), $(date +%F)," \
    "load $(cut -d ' ' -f 1 /proc/loadavg)"
# Connecting takes a moment each round.
all=$((rounds * (2 * seconds + 1) + 10))
"${at_a[@]}" "$work/framewire_peer" source --way "$profile" --file "$file" --seconds "$all" --fps "$fps" --host "$address_of_a" \
    --port 0 --receivers 1 --report "$work/source" --ready "$work/source.ready" --trace "$work/source.trace" &
source=$!
await_file "$work/source.ready" "the sender"
port=$(cat "$work/source.ready")
sink watched --trace "$work/watched.trace"
watched=$pid
for round in $(seq "$rounds"); do
    [ ! -t 2 ] || printf '\rround %d of %d ' "$round" "$rounds" >&2
    sleep "$seconds"
    sink stopped --stall 1
    sleep "$seconds"
    grep -q '^State:.*stopped' "/proc/$pid/status" || { echo "stalled.sh: the other receiver did not stop" >&2 && exit 1; }
    kill -KILL "$pid"
    { wait "$pid" || true; } 2>/dev/null
done
[ ! -t 2 ] || printf '\r                    \r' >&2
kill -TERM $source 2>/dev/null || true
{ wait $source || true; } 2>/dev/null
wait "$watched"

# Each frame belongs to the state that the sender was in. Percentiles are those of the frames of all rounds; rounds drawn at random with
# replacement, two hundred times, say how much of it is chance.
awk -v draws=200 '
    FILENAME ~ /watched.trace$/ { age[$1] = $2; next }
    {
        if ($2 != state) { state = $2; since = $1; if (state == 1 || round == 0) round++ }
        if ($1 - since < 1e9) next
        way = state == 1 ? "alone" : "beside"
        if (!($1 in age)) { missed[way]++; next }
        bin = int(age[$1] / 1e4)
        count[way, round, bin]++
        frames[way]++
    }
    END {
        rounds = round
        for (key in count) {
            split(key, part, SUBSEP)
            list[part[1], part[2], ++length_of[part[1], part[2]]] = part[3]
            if (part[3] > most) most = part[3]
        }
        srand(1)
        for (round = 1; round <= rounds; round++) drawn[round] = round
        measure()
        before = p99["alone"]; after = p99["beside"]; change = 100 * (after / before - 1)
        middle = 100 * (p50["beside"] / p50["alone"] - 1)
        printf "%-8s %8s %8s %8s %8s\n", "", "frames", "missed", "p50 ms", "p99 ms"
        printf "%-8s %8d %8d %8.2f %8.2f\n", "alone", frames["alone"], missed["alone"], p50["alone"], p99["alone"]
        printf "%-8s %8d %8d %8.2f %8.2f\n", "beside", frames["beside"], missed["beside"], p50["beside"], p99["beside"]
        for (draw = 1; draw <= draws; draw++) {
            for (round = 1; round <= rounds; round++) drawn[round] = 1 + int(rand() * rounds)
            measure()
            changes[draw] = 100 * (p99["beside"] / p99["alone"] - 1)
        }
        for (i = 2; i <= draws; i++) {
            kept = changes[i]
            for (j = i; j > 1 && changes[j - 1] > kept; j--) changes[j] = changes[j - 1]
            changes[j] = kept
        }
        printf "beside a stopped receiver: p50 %+.1f %%, p99 %+.1f %% (with rounds drawn at random, nine times in ten from %+.1f to %+.1f %%)\n",
            middle, change, changes[int(draws * 0.05)], changes[int(draws * 0.95)]
    }
    function measure(   round, way, i, bin, sum, all, low) {
        for (way in frames) {
            delete sum
            all = 0
            for (round = 1; round <= rounds; round++)
                for (i = 1; i <= length_of[way, drawn[round]]; i++) {
                    bin = list[way, drawn[round], i]
                    sum[bin] += count[way, drawn[round], bin]
                    all += count[way, drawn[round], bin]
                }
            low = 0
            p50[way] = -1
            for (bin = 0; bin <= most; bin++) {
                low += sum[bin]
                if (p50[way] < 0 && low >= 0.5 * all) p50[way] = (bin + 0.5) / 100
                if (low >= 0.99 * all) { p99[way] = (bin + 0.5) / 100; break }
            }
        }
    }' "$work/watched.trace" "$work/source.trace"
