#!/usr/bin/env bash
# Pictures of 1920 × 1080 from one GStreamer pipeline to another, by the elements of the plugin and by stock ones: frames a
# second, and CPU time of both processes a frame.
#
#   Benchmarks/gstreamer/run.sh FILE [LINK…]
#
# FILE: raw RGBA pictures. LINK: `loopback` (the default) or a rate as tc writes it, such as 1gbit; that needs root. SECONDS_EACH=5
# is how long each way is measured, WAYS chooses among them. `make gstreamer` comes first. Speeds of one run can be compared with
# each other, and no others.
set -eu
export LC_ALL=C

# shellcheck source=/dev/null
. "$(dirname "$0")/../common.sh"

[ $# -ge 1 ] || usage
file=$(realpath "$1")
shift
cd "$(dirname "$0")/../.."
plugin=$PWD/.build-output/gstreamer
[ -e "$plugin/libgstframewire.so" ] || {
    echo "run.sh: the plugin is not built; run 'make gstreamer'" >&2
    exit 2
}
width=1920 height=1080
seconds=${SECONDS_EACH:-5}
ways=${WAYS:-framewire framewire-lz4 framewire-tile framewire-huffman lz4enc lz4enc-tile plain gdp}
export GST_PLUGIN_PATH=$plugin GST_REGISTRY=$work/registry

# shellcheck disable=SC2046 -- words of options
cc -std=gnu11 -O2 -Wall -Wextra -o "$work/bench" Benchmarks/gstreamer/bench.c $(pkg-config --cflags --libs gstreamer-app-1.0)

# Sets `sender` (%PORT% is replaced) and `receiver` of a way.
describe() {
    local tcp_out="tcpclientsink host=$address port=%PORT% sync=false"
    local tcp_in="tcpserversrc name=src host=$address port=0"
    local own_in="framewiresrc name=src uri=tcp://$address:0 once=true"
    local own_out="framewiresink uri=tcp://$address:%PORT% sync=false overflow=block"
    case $1 in
    framewire) sender=$own_out receiver=$own_in ;;
    framewire-*) sender="$own_out profile=${1#framewire-}" receiver=$own_in ;;
    lz4enc) sender="lz4enc ! $tcp_out" receiver="$tcp_in ! lz4dec" ;;
    lz4enc-*) sender="lz4enc profile=${1#lz4enc-} ! $tcp_out" receiver="$tcp_in ! lz4dec" ;;
    plain)
        sender=$tcp_out
        receiver="$tcp_in ! rawvideoparse format=rgba width=$width height=$height framerate=60/1"
        ;;
    gdp) sender="gdppay ! $tcp_out" receiver="$tcp_in ! gdpdepay" ;;
    *)
        echo "run.sh: unknown way $1" >&2
        exit 2
        ;;
    esac
}

value() { sed -n "s/^$1 //p" "$2"; }

measure() {
    local sink tries=0
    describe "$1"
    rm -f "$work/port"
    "${at_b[@]}" "$work/bench" sink "$receiver ! fakesink name=out" "$work/port" >"$work/sink" &
    sink=$!
    until [ -s "$work/port" ]; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || { echo "run.sh: the receiver of $1 did not start" >&2 && exit 1; }
        sleep 0.05
    done
    "${at_a[@]}" "$work/bench" source "$file" $width $height "$seconds" "appsrc name=in ! ${sender//%PORT%/$(cat "$work/port")}" \
        >"$work/source"
    wait "$sink"
    local frames span
    frames=$(value frames "$work/sink") span=$(value seconds "$work/sink")
    awk -v way="$1" -v link="$link" -v frames="$frames" -v span="$span" -v source="$(value cpu "$work/source")" \
        -v sink="$(value cpu "$work/sink")" 'BEGIN {
            printf "%-10s %-16s %9.1f %12.2f %12.2f %12.2f\n", link, way, (frames - 1) / span, 1000 * source / frames,
                1000 * sink / frames, 1000 * (source + sink) / frames }'
}

printf '%-10s %-16s %9s %12s %12s %12s\n' link way 'frames/s' 'sender ms' 'receiver ms' 'CPU ms/frame'
for link in "${@:-loopback}"; do
    use_link "$link"
    for way in $ways; do measure "$way"; done
done
