#!/usr/bin/env bash
# Frames from one process to another, by Framewire and by what else there is, over loopback and over links of limited rate.
#
#   Benchmarks/end-to-end/run.sh PREFIX FOLDER [option VALUE]…
#
# PREFIX: where Framewire is installed. FOLDER: files of raw frames whose names end in _1920x1080_rgba.raw. As root: the links are
# network namespaces with a token bucket filter.
#
#   --links 'LINK…'       of loopback, and rates as tc writes them: 'loopback 1gbit 10gbit'
#   --sizes 'SIZE…'       1080, and 2160: each frame with its mirror images beside and below: '1080 2160'
#   --paces 'PACE…'       free: a frame whenever one is taken; 60: frames a second: 'free 60'
#   --ways 'WAY…'         framewire-auto framewire-tile framewire-huffman framewire-lz4 framewire-raw gstreamer gstreamer-gdp
#                         ffmpeg lz4-nc
#   --sequences REGEX     which files of FOLDER
#   --seconds N           of each measurement, twice as long for 2160: 3
#   --json FILE           one object a line, appended
#
# Prints a table. What is measured is said in Benchmarks/README.md.
set -eu
export LC_ALL=C

# shellcheck source=/dev/null
. "$(dirname "$0")/../common.sh"

[ $# -ge 2 ] || usage
prefix=$(realpath "$1")
folder=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
shift 2
links='loopback 1gbit 10gbit'
sizes='1080 2160'
paces='free 60'
ways='framewire-auto framewire-tile framewire-huffman framewire-lz4 framewire-raw gstreamer gstreamer-gdp ffmpeg lz4-nc'
sequences=.
seconds=3
json=/dev/null
while [ $# -ge 2 ]; do
    case $1 in
    --links) links=$2 ;;
    --sizes) sizes=$2 ;;
    --paces) paces=$2 ;;
    --ways) ways=$2 ;;
    --sequences) sequences=$2 ;;
    --seconds) seconds=$2 ;;
    --json) json=$(realpath -m "$2") ;;
    *)
        echo "run.sh: unknown option $1" >&2
        exit 2
        ;;
    esac
    shift 2
done

for program in framewire_peer gstreamer_peer pipe_peer usage; do
    flags=
    sources="$here/$program.c $here/bench.c"
    case $program in
    framewire_peer) flags="-I$prefix/include -L$prefix/lib -Wl,-rpath,$prefix/lib -lframewire" ;;
    gstreamer_peer)
        case $ways in *gstreamer*) ;; *) continue ;; esac
        flags=$(pkg-config --cflags --libs gstreamer-1.0)
        ;;
    usage) sources=$here/usage.c ;;
    esac
    # shellcheck disable=SC2086 -- words
    cc -std=gnu11 -O2 -Wall -Wextra -o "$work/$program" $sources $flags
done

# Also sets `counter`, of the bytes that leave A.
use_counted_link() {
    use_link "$1"
    counter=/sys/class/net/veth0/statistics/tx_bytes
    [ "$1" = loopback ] || return 0
    # In a namespace of its own, where nothing else is counted.
    make_link
    at_a=(ip netns exec "$A") at_b=(ip netns exec "$A")
    counter=/sys/class/net/lo/statistics/tx_bytes
}

# Each of these runs one side of one way of carrying frames, with "$@" for the programs' own options.
source_side() {
    local options=(--file "$file" --seconds "$duration" --mirrors "$mirrors" --fps "$fps" --host "$address" --port 4000
        --report "$work/source")
    case $way in
    framewire-*) "${at_a[@]}" "$work/framewire_peer" source --way "${way#framewire-}" "${options[@]}" ;;
    gstreamer) "${at_a[@]}" "$work/gstreamer_peer" source --way raw "${options[@]}" ;;
    gstreamer-gdp) "${at_a[@]}" "$work/gstreamer_peer" source --way gdp "${options[@]}" ;;
    ffmpeg)
        "$work/pipe_peer" source "${options[@]}" |
            "${at_a[@]}" "$work/usage" "$work/source" ffmpeg -nostdin -loglevel error -probesize 32 -f rawvideo \
                -pixel_format rgba -video_size "${width}x$height" -framerate 60 -i pipe:0 -c copy -f rawvideo "tcp://$address:4000"
        ;;
    lz4-nc)
        "$work/pipe_peer" source "${options[@]}" | "$work/usage" "$work/source" lz4 -1 -c |
            "${at_a[@]}" "$work/usage" "$work/source" nc -N "$address" 4000
        ;;
    esac
}

sink_side() {
    local options=(--width "$width" --height "$height" --seconds "$duration" --host "$address" --port 4000 --report "$work/sink")
    case $way in
    framewire-*) "${at_b[@]}" "$work/framewire_peer" sink "${options[@]}" ;;
    gstreamer) "${at_b[@]}" "$work/gstreamer_peer" sink --way raw "${options[@]}" ;;
    gstreamer-gdp) "${at_b[@]}" "$work/gstreamer_peer" sink --way gdp "${options[@]}" ;;
    ffmpeg)
        "${at_b[@]}" "$work/usage" "$work/sink" ffmpeg -nostdin -loglevel error -fflags nobuffer -probesize 32 -f rawvideo \
            -pixel_format rgba -video_size "${width}x$height" -framerate 60 -i "tcp://$address:4000?listen=1" -c copy \
            -f rawvideo pipe:1 | "$work/pipe_peer" sink "${options[@]}"
        ;;
    lz4-nc)
        "${at_b[@]}" "$work/usage" "$work/sink" nc -l -p 4000 -s "$address" | "$work/usage" "$work/sink" lz4 -dc |
            "$work/pipe_peer" sink "${options[@]}"
        ;;
    esac
}

sum() {
    awk -v name="$1" '$1 == name { sum += $2 } END { print sum + 0 }' "$2"
}

await_listening() {
    local tries=0
    until "${at_b[@]}" grep -q ':0FA0 .* 0A ' /proc/net/tcp; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || return 1
        sleep 0.05
    done
}

measure() {
    local before after complaint=
    : >"$work/source" >"$work/sink"
    use_counted_link "$link"
    (sink_side) >"$work/sink.log" 2>&1 &
    local sink=$!
    if await_listening; then
        before=$("${at_a[@]}" cat $counter)
        (source_side) >"$work/source.log" 2>&1 || complaint=$(tail -n 1 "$work/source.log")
        wait $sink || complaint=${complaint:-$(tail -n 1 "$work/sink.log")}
        after=$("${at_a[@]}" cat $counter)
    else
        complaint="the receiving side does not listen: $(tail -n 1 "$work/sink.log")"
        kill -KILL $sink 2>/dev/null || true
    fi
    if ! grep -q '^fps' "$work/sink"; then
        printf '%-18s %5s %-9s %-5s %-15s %s\n' "$sequence" "$size" "$link" "$pace" "$way" "${complaint:-nothing arrived}"
        return
    fi
    awk -v sequence="$sequence" -v size="$size" -v link="$link" -v pace="$pace" -v way="$way" -v json="$json" -v rows="$work/rows" \
        -v frames="$(sum frames "$work/sink")" -v fps="$(sum fps "$work/sink")" -v p50="$(sum p50_ms "$work/sink")" \
        -v p99="$(sum p99_ms "$work/sink")" -v max="$(sum max_ms "$work/sink")" -v cpu_source="$(sum cpu_s "$work/source")" \
        -v cpu_sink="$(sum cpu_s "$work/sink")" -v memory_source="$(sum memory_kib "$work/source")" \
        -v memory_sink="$(sum memory_kib "$work/sink")" -v bytes=$((after - before)) -v taken="$(sum taken "$work/source")" 'BEGIN {
            printf "%-18s %5s %-9s %-5s %-15s %8.1f %8.1f %8.1f %8.2f %8.2f %8.1f %8.1f %9.3f\n", sequence, size, link, pace, way, fps,
                p50, p99, 1000 * cpu_source / frames, 1000 * cpu_sink / frames, memory_source / 1024, memory_sink / 1024,
                bytes / frames / 1e6
            printf "{\"sequence\":\"%s\",\"size\":%s,\"link\":\"%s\",\"pace\":\"%s\",\"way\":\"%s\",\"fps\":%.2f,\"p50_ms\":%.2f," \
                "\"p99_ms\":%.2f,\"max_ms\":%.2f,\"cpu_ms_source\":%.3f,\"cpu_ms_sink\":%.3f,\"memory_kib_source\":%d," \
                "\"memory_kib_sink\":%d,\"wire_bytes\":%d,\"frames\":%d,\"taken\":%d}\n", sequence, size, link, pace, way, fps, p50, p99,
                max, 1000 * cpu_source / frames, 1000 * cpu_sink / frames, memory_source, memory_sink, bytes / frames, frames,
                taken >>json
            print sequence, size, link, pace, way, fps, 1000 * (cpu_source + cpu_sink) / frames >>rows
        }'
}

files=$(find "$folder" -name '*_1920x1080_rgba.raw' | sort | grep -E "$sequences") || {
    echo "run.sh: no file whose name ends in _1920x1080_rgba.raw in $folder" >&2
    exit 1
}
echo "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors, Linux $(uname -r), $(date +%F)," \
    "load $(cut -d ' ' -f 1 /proc/loadavg), $(sysctl -n net.ipv4.tcp_congestion_control)"
printf '%-18s %5s %-9s %-5s %-15s %8s %8s %8s %8s %8s %8s %8s %9s\n' sequence lines link pace way fps 'p50 ms' 'p99 ms' 'cpu ms>' \
    '>cpu ms' 'MiB>' '>MiB' 'MB/frame'
for file in $files; do
    sequence=$(basename "$file" _1920x1080_rgba.raw)
    for size in $sizes; do
        mirrors=0 width=1920 height=1080
        duration=$seconds
        if [ "$size" = 2160 ]; then mirrors=1 width=3840 height=2160 duration=$((2 * seconds)); fi
        for link in $links; do
            for pace in $paces; do
                fps=0
                [ "$pace" = free ] || fps=$pace
                for way in $ways; do
                    case $way in
                    ffmpeg | lz4-nc) command -v "${way%%-*}" >/dev/null || continue ;;
                    esac
                    measure
                done
            done
        done
    done
done

# framewire-auto against the fastest of the others, and its processor time a frame, both sides together, against GStreamer's.
printf '\n%-18s %5s %-9s %-5s %10s %10s %-14s %8s %16s\n' sequence lines link pace 'auto fps' 'best fps' 'of the others' ratio \
    'cpu / gstreamer'
[ ! -e "$work/rows" ] || awk '
    { key = sprintf("%-18s %5s %-9s %-5s", $1, $2, $3, $4); if (!(key in known)) { known[key] = 1; keys[n++] = key } }
    $5 == "framewire-auto" { auto[key] = $6; cpu[key] = $7 }
    $5 == "gstreamer" { gstreamer[key] = $7 }
    $5 !~ /^framewire/ && $6 > best[key] { best[key] = $6; who[key] = $5 }
    END {
        for (i = 0; i < n; i++) {
            key = keys[i]
            if (!(key in auto) || !(key in best)) continue
            printf "%s %10.1f %10.1f %-14s %8.2f %16s\n", key, auto[key], best[key], who[key], auto[key] / best[key],
                gstreamer[key] ? sprintf("%.2f", cpu[key] / gstreamer[key]) : "-"
        }
    }' "$work/rows"
