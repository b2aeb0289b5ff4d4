#!/bin/sh
# What `make demo` does: an OpenGL program draws a moving scene and sends it; another process receives it over TCP; each
# picture that arrives is compared with what was drawn. Leaves pictures and numbers in demo/, the installation in install/.
#
# FRAMES=240 and SIZE=1280x720 in the environment change how many and how large. Exits with 0 only when all held.
set -eu
cd "$(dirname "$0")/.."

frames=${FRAMES:-240}
size=${SIZE:-1280x720}
prefix=$PWD/install
out=demo
receiver=

step() { echo "[$1/5] $2"; }

fail() {
    echo "demo: $1" >&2
    exit 1
}

clean_up() {
    if [ -n "$receiver" ]; then
        kill "$receiver" 2>/dev/null || true
        wait "$receiver" 2>/dev/null || true
    fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# One value out of a flat JSON file with a key on each line; "-" if it is not there.
value() {
    sed -n "s/^ *\"$2\": *//p" "$1" | sed 's/,$//; s/^"//; s/"$//' | grep . || echo -
}

step 1 "Packages"
scripts/install-packages.sh build demo

# The output of the build goes to a file: it is long, and says nothing unless something is wrong.
rm -rf "$out"
mkdir -p "$out"
quietly() {
    "$@" >"$out/build.log" 2>&1 || {
        tail -n 40 "$out/build.log" >&2
        fail "'$*' failed; its end is above, all of it in $out/build.log"
    }
}

make=${MAKE:-make}
step 2 "Building the library and the command (a minute or two the first time)"
quietly "$make" --no-print-directory lib cli
step 3 "Installing into $prefix and building samples/c-opengl against it"
quietly "$make" --no-print-directory install PREFIX="$prefix" DESTDIR=
# Built anew, so that it surely is the library just installed that it runs with.
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
quietly "$make" --no-print-directory -B -C samples/c-opengl

step 4 "Sending $frames frames of $size to a receiver on this machine"
timeout 150 "$prefix/bin/framewire" receive tcp://127.0.0.1:0 --once --verify --timeout 60 --ready-file "$out/port" \
    --checksums "$out/received.txt" --contact-sheet "$out/contact-sheet.png" --json \
    >"$out/receiver.json" 2>"$out/receiver.log" &
receiver=$!

tries=0
until [ -s "$out/port" ]; do
    kill -0 "$receiver" 2>/dev/null || fail "the receiver did not start: $(cat "$out/receiver.log")"
    tries=$((tries + 1))
    [ $tries -le 200 ] || fail "the receiver was not ready after 20 seconds"
    sleep 0.1
done

sender_status=0
# Between programs on one machine profile auto may well send the pictures as they are; tile is what another machine gets.
timeout 120 samples/c-opengl/c-opengl "tcp://127.0.0.1:$(cat "$out/port")" --size "$size" --frames "$frames" --fps 0 \
    --profile tile --policy block --checksum --checksums "$out/source.txt" --stats-json "$out/sender.json" \
    >"$out/sender.log" || sender_status=$?
receiver_status=0
if [ $sender_status -ne 0 ]; then kill "$receiver" 2>/dev/null || true; fi
wait "$receiver" || receiver_status=$?
receiver=
[ $sender_status -ne 124 ] || fail "the OpenGL program had not sent $frames frames after two minutes"
[ $sender_status -eq 0 ] || fail "the OpenGL program failed with status $sender_status; its message is above"

step 5 "Comparing what arrived with what was drawn"
# A frame that arrived counts once, and only with the number and the checksum that it had at the source.
# shellcheck disable=SC2046 -- three numbers
set -- $(awk '
    FILENAME == ARGV[1] { drawn[$1] = $2; count++; next }
    ($1 in drawn) && drawn[$1] == $2 { equal++; delete drawn[$1]; next }
    { different++ }
    END { print count + 0, equal + 0, different + 0 }' "$out/source.txt" "$out/received.txt")
drawn=$1 equal=$2 different=$3
dropped=$(value "$out/sender.json" frames_dropped)
renderer=$(value "$out/sender.json" renderer)

echo
awk -v drawn="$drawn" -v equal="$equal" -v different="$different" -v size="$size" -v renderer="$renderer" '
    # Numbers of the sender, by name.
    /:/ { name = $1; gsub(/[":]/, "", name); number = $2; sub(/,$/, "", number); s[name] = number }
    function per_second(bytes) { return s["seconds"] > 0 ? sprintf("%.1f", bytes / s["seconds"] / 1e6) : "-" }
    function line(label, first, second) {
        printf "  %-34s %10s", label, first
        if (second != "") printf " %10s", second
        print ""
    }
    # Two percentiles in milliseconds; `unit` is how many of the given make one.
    function times(label, key, unit, places,    a, b, shape) {
        a = s[key "_p50"]; b = s[key "_p99"]; shape = "%." places "f"
        line(label, a < 0 ? "-" : sprintf(shape, a / unit), b < 0 ? "-" : sprintf(shape, b / unit))
    }
    END {
        print "  " size " pixels, drawn by " renderer
        print ""
        line("frames drawn", drawn, "")
        line("delivered, equal bit for bit", equal, "")
        line("delivered, different", different, "")
        line("dropped by policy (block)", s["frames_dropped"], "")
        line("frames per second", s["seconds"] > 0 ? sprintf("%.1f", s["frames"] / s["seconds"]) : "-", "")
        line("pixels, MB/s", per_second(s["bytes_raw"]), "")
        line("on the wire, MB/s", per_second(s["bytes_wire"]), "")
        split("auto raw lz4 tile huffman", profiles, " ")
        line("profile of the last frames", profiles[s["profile"] + 1], "")
        line("ratio", s["bytes_wire"] > 0 ? sprintf("%.2f", s["bytes_raw"] / s["bytes_wire"]) : "-", "")
        print ""
        line("milliseconds a frame", "p50", "p99")
        times("render thread: draw", "draw_us", 1e3, 2)
        times("render thread: capture", "capture_us", 1e3, 3)
        times("compression, beside it", "encode_ns", 1e6, 2)
        times("latency, submit to delivery", "latency_ns", 1e6, 1)
    }' "$out/sender.json"
echo

[ $receiver_status -eq 0 ] || fail "the receiver ended with status $receiver_status: $(cat "$out/receiver.log")"
[ "$drawn" -eq "$frames" ] || fail "$drawn frames were drawn instead of $frames"
[ "$different" -eq 0 ] || fail "$different frames arrived other than they were drawn; compare $out/source.txt and $out/received.txt"
[ "$dropped" -eq 0 ] || fail "the sender dropped $dropped frames, although it was to wait instead"
[ "$equal" -eq "$drawn" ] || fail "$((drawn - equal)) frames never arrived"
[ -s "$out/contact-sheet.png" ] || fail "the receiver left no $out/contact-sheet.png"
echo "All $equal frames arrived bit for bit as they were drawn. See $out/contact-sheet.png"
