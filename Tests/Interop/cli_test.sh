#!/bin/bash
# The framewire command from outside: what it carries, and what it says and returns when something is wrong.
#
# usage: cli_test.sh [path of the command]
# Exit code 0 when every line of the output begins with "ok".

set -u
framewire=$(realpath "${1:-${FRAMEWIRE:-.build/debug/framewire-cli}}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0

# test NAME FUNCTION: runs FUNCTION in a folder of its own; its output is shown when it fails.
test_case() {
    local name=$1
    shift
    mkdir "$folder/files" && cd "$folder/files" || exit 1
    if ("$@") >"$folder/log" 2>&1; then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        sed 's/^/        /' "$folder/log"
        failures=$((failures + 1))
    fi
    cd "$folder" && rm -rf "$folder/files"
}

# The command with a bound, so that nothing can hang the test.
fw() { timeout 60 "$framewire" "$@"; }

# expect_exit CODE WORDS COMMAND...: COMMAND must end with CODE and say WORDS in one line of its standard error.
expect_exit() {
    local code=$1 words=$2 got=0
    shift 2
    "$@" >stdout 2>stderr || got=$?
    if [ "$got" -ne "$code" ] || ! grep -qF -- "$words" stderr; then
        echo "'$*' ended with $got and said:"
        cat stderr
        return 1
    fi
}

# wait_for FILE PID: until FILE has content; fails when the process has gone before.
wait_for() {
    until [ -s "$1" ]; do
        kill -0 "$2" 2>/dev/null || [ -s "$1" ] || { echo "the process ended before $1 was there"; return 1; }
        sleep 0.01
    done
}

noise() { head -c "$1" /dev/urandom; }

# json FILE KEY: the value of KEY.
json() { sed -n "s/^  \"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" "$1"; }

# receive ARGS...: starts a receiver on a free port; sets $port and $receiver. No `timeout` around it, so that a signal reaches it.
receive() {
    rm -f port
    "$framewire" receive tcp://:0 --ready-file port --timeout 60 "$@" &
    receiver=$!
    wait_for port $receiver || return 1
    port=$(cat port)
}

# bmp FILE WIDTH HEIGHT: a 24-bit bitmap of noise, with zeros where rows are padded.
bmp() {
    local stride=$((($2 * 3 + 3) / 4 * 4)) y
    {
        printf 'BM'
        word $((54 + stride * $3)) && word 0 && word 54 && word 40 && word "$2" && word "$3"
        printf '\1\0\30\0'
        word 0 && word $((stride * $3)) && word 2835 && word 2835 && word 0 && word 0
        for ((y = 0; y < $3; y++)); do
            noise $(($2 * 3))
            head -c $((stride - $2 * 3)) /dev/zero
        done
    } >"$1"
}

word() {
    local octal
    octal=$(printf '\\%03o' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))
    # shellcheck disable=SC2059
    printf "$octal"
}

# ---- What is carried

raw_over_tcp() {
    noise $((37 * 21 * 4 * 12)) >in_37x21_rgba8.raw
    receive --once --output out.raw --verify --json --checksums sums >summary || return 1
    fw send in_37x21_rgba8.raw "tcp://localhost:$port" --profile "$1" --checksum --json >sent || return 1
    wait $receiver || return 1
    cmp in_37x21_rgba8.raw out.raw || return 1
    [ "$(json summary delivered)" = 12 ] && [ "$(json summary verified)" = 12 ] && [ "$(json sent sent)" = 12 ] \
        && [ "$(json summary format)" = rgba8 ] && [ "$(json summary width)" = 37 ] || { cat summary sent; return 1; }
    [ "$(wc -l <sums)" = 12 ] || return 1
    if command -v xxhsum >/dev/null; then
        head -c $((37 * 21 * 4)) out.raw | xxhsum -H3 | grep -q "$(sed -n '1s/^0 //p' sums)" || { cat sums; return 1; }
    fi
}

raw_over_unix_socket() {
    noise $((64 * 10 * 3 * 5)) >in_64x10_rgb8.raw
    fw receive unix://"$PWD"/socket --once --output out.raw --ready-file ready &
    receiver=$!
    wait_for ready $receiver || return 1
    fw send in_64x10_rgb8.raw unix://"$PWD"/socket || return 1
    wait $receiver && cmp in_64x10_rgb8.raw out.raw
}

the_sender_listens() {
    noise $((16 * 16 * 4 * 3)) >in.raw
    fw send in.raw 'tcp://:0?listen=1' --size 16x16 --format rgba --ready-file port &
    local sender=$!
    wait_for port $sender || return 1
    fw receive "tcp://localhost:$(cat port)?connect=1" --once --output out.raw || return 1
    wait $sender && cmp in.raw out.raw
}

bmp_series_comes_back() {
    # Odd widths, so that rows are padded; sizes change on the way.
    mkdir in out
    bmp in/0.bmp 33 7 && bmp in/1.bmp 33 7 && bmp in/2.bmp 50 20 && bmp in/3.bmp 1 1
    receive --once --output out/%d.bmp --verify || return 1
    fw send in/%d.bmp "tcp://localhost:$port" --checksum || return 1
    wait $receiver || return 1
    for number in 0 1 2 3; do cmp in/$number.bmp out/$number.bmp || return 1; done
    [ "$(ls out | wc -l)" = 4 ]
}

png_and_ppm_series_come_back() {
    mkdir bmp png ppm back
    bmp bmp/1.bmp 19 5 && bmp bmp/2.bmp 8 8
    fw send bmp/%d.bmp file://"$PWD"/a && fw receive file://"$PWD"/a --output png/%03d.png || return 1
    fw send png/%03d.png file://"$PWD"/b && fw receive file://"$PWD"/b --output ppm/%d.ppm || return 1
    fw send ppm/%d.ppm file://"$PWD"/c && fw receive file://"$PWD"/c --output back/%d.bmp || return 1
    cmp bmp/1.bmp back/0.bmp && cmp bmp/2.bmp back/1.bmp
}

standard_input_and_output() {
    noise $((20 * 10 * 4 * 6)) >in.raw
    fw send - file://"$PWD"/a --size 20x10 --format bgra8 <in.raw || return 1
    fw receive file://"$PWD"/a --output - 2>summary | cmp - in.raw || return 1
    grep -q '6 delivered' summary
}

bottom_up_is_turned_over() {
    printf 'aaabbb' | fw send - file://"$PWD"/a --size 1x2 --format rgb8 --bottom-up || return 1
    fw receive file://"$PWD"/a --output out.raw || return 1
    [ "$(cat out.raw)" = bbbaaa ]
}

y4m_goes_to_a_file() {
    noise $((6 * 4 * 3 / 2 * 2)) >in_6x4_i420.raw
    fw send in_6x4_i420.raw file://"$PWD"/a --rate 25 && fw receive file://"$PWD"/a --output out.y4m || return 1
    head -n 1 out.y4m | grep -q '^YUV4MPEG2 W6 H4 F25:1 ' || return 1
    # The stream's header, then FRAME and a picture twice.
    tail -c 84 out.y4m | tail -c +7 | head -c 36 | cmp - <(head -c 36 in_6x4_i420.raw)
}

frames_and_loop() {
    noise $((8 * 8)) >in_8x8_r8.raw
    fw send in_8x8_r8.raw file://"$PWD"/a --loop 5 --json >sent && [ "$(json sent sent)" = 5 ] || return 1
    fw receive file://"$PWD"/a --frames 1 --output one.png --contact-sheet sheet.png --json >summary || return 1
    [ "$(json summary delivered)" = 1 ] || { cat summary; return 1; }
    head -c 4 one.png | cmp - <(printf '\211PNG') && head -c 4 sheet.png | cmp - <(printf '\211PNG')
}

# ---- Recordings

stock_lz4_reads_a_recording() {
    noise $((40 * 30 * 4 * 4)) >in_40x30_rgba8.raw
    fw send in_40x30_rgba8.raw file://"$PWD"/a.lz4 --profile "$1" || return 1
    lz4 -t a.lz4 && lz4 -dc a.lz4 | cmp - in_40x30_rgba8.raw
}

# lz4 passes over the pixels of such a recording; the command reads them.
a_recording_in_tile() {
    noise $((40 * 30 * 4)) >one && cat one one one one >in_40x30_rgba8.raw
    fw send in_40x30_rgba8.raw file://"$PWD"/a.fw --profile tile --key-frame-interval 3 --json >sent || return 1
    [ "$(json sent profile)" = '"tile"' ] || [ "$(json sent profile)" = tile ] || { cat sent; return 1; }
    lz4 -t a.fw && [ "$(lz4 -dc a.fw | wc -c)" = 0 ] || return 1
    [ "$(fw inspect a.fw | grep -c ' tile ')" = 4 ] && [ "$(fw inspect a.fw | grep -c ' key ')" = 2 ] || return 1
    fw receive file://"$PWD"/a.fw --output a.raw --verify && cmp in_40x30_rgba8.raw a.raw || return 1
    receive --once --output out.raw || return 1
    fw replay a.fw "tcp://localhost:$port" --profile tile || return 1
    wait $receiver && cmp in_40x30_rgba8.raw out.raw
}

record_replay_inspect() {
    noise $((40 * 30 * 4 * 4)) >in_40x30_rgba8.raw
    fw record tcp://:0 'odd name?%.lz4' --ready-file port --json >recorded &
    local recorder=$!
    wait_for port $recorder || return 1
    fw send in_40x30_rgba8.raw "tcp://localhost:$(cat port)" --rate 200 || return 1
    wait $recorder || return 1
    [ "$(json recorded frames)" = 4 ] || { cat recorded; return 1; }
    lz4 -t <'odd name?%.lz4' || return 1
    fw inspect 'odd name?%.lz4' --json >messages || return 1
    [ "$(grep -c '"kind": "frame".*"format": "rgba8"' messages)" = 4 ] || { cat messages; return 1; }
    [ "$(fw inspect 'odd name?%.lz4' | grep -c '40x30')" = 4 ] || return 1
    receive --once --output out.raw || return 1
    fw replay 'odd name?%.lz4' "tcp://localhost:$port" || return 1
    wait $receiver && cmp in_40x30_rgba8.raw out.raw || return 1
    # Recordings may follow each other in one file.
    cat 'odd name?%.lz4' 'odd name?%.lz4' >twice && fw receive file://"$PWD"/twice --output twice.raw || return 1
    cat in_40x30_rgba8.raw in_40x30_rgba8.raw | cmp - twice.raw
}

metadata_is_carried() {
    noise $((40 * 30 * 4 * 3)) >in_40x30_rgba8.raw
    fw send in_40x30_rgba8.raw file://"$PWD"/a --metadata 'scene=Brücke' --metadata 'k=a=b "c"' >/dev/null || return 1
    fw inspect a --json >messages || return 1
    [ "$(grep -cF '"metadata": [{"kind": "text", "name": "scene", "value": "Brücke"}, {"kind": "text", "name": "k", "value": "a=b \"c\""}]' messages)" = 3 ] \
        || { cat messages; return 1; }
    [ "$(fw inspect a | grep -cF 'scene="Brücke"  k="a=b \"c\""')" = 3 ] || return 1
    # Over a connection into a file, and with more from there.
    fw record unix://"$PWD"/socket b --ready-file ready &
    local recorder=$!
    wait_for ready $recorder || return 1
    fw replay a unix://"$PWD"/socket --metadata scene=other --metadata more=1 >/dev/null || return 1
    wait $recorder || return 1
    [ "$(fw inspect b | grep -cF 'k="a=b \"c\""  scene="other"  more="1"')" = 3 ] || { fw inspect b; return 1; }
    fw receive file://"$PWD"/b --output out.raw && cmp in_40x30_rgba8.raw out.raw || return 1
    expect_exit 1 '65536' fw send in_40x30_rgba8.raw file://"$PWD"/c --metadata "k=$(head -c 65536 /dev/zero | tr '\0' x)"
}

several_receivers() {
    noise $((40 * 30 * 4 * 12)) >in_40x30_rgba8.raw
    fw send in_40x30_rgba8.raw 'tcp://:0?listen=1' --ready-file port --receivers 3 --rate 100 --keepalive 0.02 --json >sent &
    local sender=$! receivers=() number
    wait_for port $sender || return 1
    for number in 1 2 3; do
        fw receive "tcp://localhost:$(cat port)?connect=1" --once --output $number.raw --keepalive 0.02 --json >received.$number &
        receivers+=($!)
    done
    wait $sender && wait "${receivers[0]}" && wait "${receivers[1]}" && wait "${receivers[2]}" || return 1
    for number in 1 2 3; do
        cmp in_40x30_rgba8.raw $number.raw || return 1
        grep -q '"peers": \[{"peer": 1, .*"frames": 12, .*"rtt_p50_ms": [0-9]' received.$number || { cat received.$number; return 1; }
    done
    [ "$(json sent sent)" = 36 ] && [ "$(json sent frames)" = 12 ] || { cat sent; return 1; }
    [ "$(grep -o '"frames": 12, "dropped": 0' sent | wc -l)" = 3 ] || { cat sent; return 1; }
    [ "$(json sent rtt_p50_ms)" != null ] && [ "$(json received.1 rtt_p50_ms)" != null ]
}

several_senders() {
    noise $((40 * 30 * 4 * 6)) >in_40x30_rgba8.raw
    receive --json >summary || return 1
    local senders=() number
    for number in 1 2 3; do
        fw send in_40x30_rgba8.raw "tcp://localhost:$port" --rate 50 >/dev/null &
        senders+=($!)
    done
    wait "${senders[0]}" && wait "${senders[1]}" && wait "${senders[2]}" || return 1
    kill -INT $receiver
    wait $receiver || return 1
    [ "$(json summary delivered)" = 18 ] && [ "$(grep -o '"frames": 6,' summary | wc -l)" = 3 ] || { cat summary; return 1; }
}

one_sender_too_many() {
    noise $((40 * 30 * 4)) >in_40x30_rgba8.raw
    receive --max-peers 1 --json --checksums sums >summary || return 1
    fw send in_40x30_rgba8.raw "tcp://localhost:$port" --rate 20 --loop 0 >/dev/null 2>&1 &
    local first=$!
    wait_for sums $receiver || return 1
    expect_exit 1 'too many' fw send in_40x30_rgba8.raw "tcp://localhost:$port" --rate 20 --loop 0 || return 1
    kill -INT $receiver
    wait $receiver || return 1
    wait $first
    [ "$(json summary refused)" = 1 ] || { cat summary; return 1; }
}

rates_are_limited() {
    noise $((64 * 64 * 4 * 20)) >in_64x64_rgba8.raw
    receive --once --output out.raw || return 1
    fw send in_64x64_rgba8.raw "tcp://localhost:$port" --max-rate 50 --json >sent || return 1
    wait $receiver && cmp in_64x64_rgba8.raw out.raw || return 1
    # 20 frames at 50 a second; it can only take longer.
    [ "$(json sent sent)" = 20 ] && at_least "$(json sent seconds)" 0.25 || { cat sent; return 1; }
    receive --once --output out.raw || return 1
    # 2.6 Mbit.
    fw send in_64x64_rgba8.raw "tcp://localhost:$port" --bit-rate 4M --json >sent || return 1
    wait $receiver && cmp in_64x64_rgba8.raw out.raw || return 1
    [ "$(json sent sent)" = 20 ] && at_least "$(json sent seconds)" 0.25 || { cat sent; return 1; }
}

at_least() { awk "BEGIN { exit !($1 >= $2) }"; }

a_silent_sender_is_given_up() {
    noise $((40 * 30 * 4)) >in_40x30_rgba8.raw
    receive --once --idle-timeout 1 --keepalive 0.2 --json --checksums sums >summary 2>said || return 1
    "$framewire" send in_40x30_rgba8.raw "tcp://localhost:$port" --rate 50 --loop 0 --wait >/dev/null 2>&1 &
    local sender=$! code=0
    wait_for sums $receiver || return 1
    kill -STOP $sender
    wait $receiver || code=$?
    kill -KILL $sender
    [ $code = 1 ] && [ "$(json summary end)" = lost ] && grep -q 'silent\|heard\|answer' said || { echo $code; cat summary said; return 1; }
}

the_end_has_a_reason() {
    noise $((40 * 30 * 4)) >in_40x30_rgba8.raw
    receive --once --json --checksums sums >summary || return 1
    "$framewire" send in_40x30_rgba8.raw "tcp://localhost:$port" --rate 50 --loop 0 >/dev/null &
    local sender=$!
    wait_for sums $receiver || return 1
    kill -INT $sender
    wait $sender
    wait $receiver || return 1
    [ "$(json summary end)" = 'end of stream' ] && [ "$(json summary end_text)" = 'the sender was interrupted' ] || { cat summary; return 1; }
    receive --once >summary || return 1
    fw send in_40x30_rgba8.raw "tcp://localhost:$port" >/dev/null || return 1
    wait $receiver || return 1
    grep -q '^end  *end of stream$' summary && grep -q '^peer  address' summary || { cat summary; return 1; }
}

a_torn_recording_is_an_error() {
    noise $((40 * 30 * 4 * 2)) >in_40x30_rgba8.raw
    fw send in_40x30_rgba8.raw file://"$PWD"/a >/dev/null || return 1
    head -c 6000 a >torn
    expect_exit 1 'ends inside' fw receive file://"$PWD"/torn --output out.raw --once || return 1
    # The first frame was whole.
    head -c 4800 in_40x30_rgba8.raw | cmp - out.raw || return 1
    expect_exit 1 'ends inside' fw inspect torn || return 1
    # Zeros in the middle of the second picture, which is noise.
    { head -c 8000 a; head -c 64 /dev/zero; tail -c +8065 a; } >damaged
    expect_exit 1 'frame 1' fw receive file://"$PWD"/damaged --once --verify --output out.raw || return 1
    [ "$(stat -c %s out.raw)" = 4800 ]
}

a_recording_is_never_torn() {
    noise $((40 * 30 * 4 * 2)) >in_40x30_rgba8.raw
    fw send in_40x30_rgba8.raw file://"$PWD"/a >/dev/null || return 1
    fw record unix://"$PWD"/socket out.lz4 --ready-file ready 2>said &
    local recorder=$! code=0
    wait_for ready $recorder || return 1
    # A sender that dies inside the second message.
    head -c 8000 a | timeout 20 nc -N -U socket
    wait $recorder || code=$?
    [ $code = 1 ] && grep -q 'ends inside' said || { cat said; return 1; }
    lz4 -dc out.lz4 | cmp - <(head -c 4800 in_40x30_rgba8.raw)
}

# ---- Measuring

# bench ARGS...: `bench codec --json` on what ARGS name, into the file `lines`.
bench() { fw bench codec --json --repeat 2 "$@" >lines; }

# field KEY [CODEC [THREADS]]: the values of KEY in `lines`.
field() {
    grep -F "\"codec\": \"${2:-}" lines | grep -F "\"threads\": ${3:-}" | sed -n "s/.*\"$1\": \"\{0,1\}\([^\",}]*\).*/\1/p"
}

# Frames that stand still in one half and change in the other.
half_noise() {
    local frame
    for ((frame = 0; frame < $3; frame++)); do head -c $(($1 * $2 / 2)) /dev/zero && noise $(($1 * $2 - $1 * $2 / 2)); done
}

bench_gives_lines() {
    half_noise 320 200 3 >moving_80x200_rgba.raw
    bench moving_80x200_rgba.raw --threads 2 || return 1
    local line key codec
    while read -r line; do
        for key in sequence codec threads encode_mb_s decode_mb_s ratio frames; do
            [ "$(grep -o "\"$key\": " <<<"$line" | wc -l)" = 1 ] || { echo "$key in $line"; return 1; }
        done
        [[ $line =~ ^\{(\"[a-z_]+\":\ (\"[a-z0-9-]+\"|[0-9.]+|null|true)(,\ )?)+\}$ ]] || { echo "$line"; return 1; }
    done <lines
    [ "$(field sequence | sort -u)" = moving ] && [ "$(field frames | sort -u)" = 3 ] || return 1
    for codec in memcpy memcmp liblz4 raw lz4; do field threads "$codec\"" | grep -qx 1 || { echo "$codec"; return 1; }; done
    [ "$(field ratio memcpy)" = 1.0000 ] && [ "$(field threads 'lz4"' | tr '\n' ' ')" = '1 2 ' ] || return 1
    # What comes out does not depend on the number of threads; half of each frame is noise.
    for codec in $(field codec | sort -u); do
        [ "$(field ratio "$codec\"" | sort -u | wc -l)" = 1 ] || { echo "$codec"; return 1; }
        [ "$(field bytes "$codec\"" | sort -u | wc -l)" = 1 ] || { echo "$codec"; return 1; }
    done
    field ratio 'lz4"' 1 | grep -q '^1\.9'
}

bench_takes_all_inputs() {
    half_noise 160 37 5 >in_40x37_rgba8.raw
    zstd -q --long=27 in_40x37_rgba8.raw || return 1
    bench in_40x37_rgba8.raw.zst --frames 4 --profiles lz4 --threads 1 && [ "$(field frames 'lz4"')" = 4 ] || return 1
    local bytes
    bytes=$(field bytes 'lz4"')
    # The same file without a name that says what it is, and turned over: rows are gathered, sizes differ.
    cp in_40x37_rgba8.raw plain && bench plain --size 40x37 --format rgba --frames 4 --profiles lz4 --threads 1 || return 1
    [ "$(field sequence 'lz4"')" = plain ] && [ "$(field bytes 'lz4"')" = "$bytes" ] || { cat lines; return 1; }
    bench in_40x37_rgba8.raw --row-order bottom-up || return 1
    half_noise 31 22 2 >odd_31x14_nv12.raw && truncate -s $(((31 * 14 + 32 * 7) * 2)) odd_31x14_nv12.raw || return 1
    bench odd_31x14_nv12.raw || return 1
    for number in 0 1 2; do bmp $number.bmp 21 13; done
    bench %d.bmp 0.bmp && [ "$(field frames 'lz4"' 1 | tr '\n' ' ')" = '3 1 ' ] || return 1
    # What bench reads, send reads as well.
    fw send in_40x37_rgba8.raw.zst file://"$PWD"/a --loop 2 || return 1
    fw receive file://"$PWD"/a --output out.raw && cat in_40x37_rgba8.raw in_40x37_rgba8.raw | cmp - out.raw
}

bench_shows_a_table() {
    half_noise 160 37 2 >in_40x37_rgba8.raw
    fw bench codec in_40x37_rgba8.raw --repeat 1 >table || return 1
    grep -q '^in: 2 frames of 40 × 37 rgba8, 1 pass$' table && grep -q '^codec  *threads .* ratio ' table || return 1
    # All lines of the table end in one column.
    [ "$(tail -n +2 table | sed 's/×/x/g; s/–/x/g' | awk '{ print length($0) }' | sort -u | wc -l)" = 1 ] || { cat table; return 1; }
}

bench_refuses() {
    noise $((40 * 30 * 4)) >in_40x30_rgba8.raw && cp in_40x30_rgba8.raw plain.raw
    expect_exit 2 "'plain.raw' does not say what its frames are" fw bench codec plain.raw || return 1
    [ "$(wc -l <stderr)" = 1 ] || return 1
    expect_exit 1 'none_1x1_r8.raw: No such file' fw bench codec none_1x1_r8.raw || return 1
    expect_exit 1 'no whole number of frames' fw bench codec plain.raw --size 41x30 --format rgba || return 1
    zstd -q in_40x30_rgba8.raw && head -c 3000 in_40x30_rgba8.raw.zst >torn_40x30_rgba8.raw.zst || return 1
    expect_exit 1 'torn_40x30_rgba8.raw.zst ends inside' fw bench codec torn_40x30_rgba8.raw.zst || return 1
    [ "$(wc -l <stderr)" = 1 ] || return 1
    cp plain.raw false_40x30_rgba8.raw.zst
    expect_exit 1 'false_40x30_rgba8.raw.zst is no valid zstd file' fw bench codec false_40x30_rgba8.raw.zst || return 1
    expect_exit 1 'ends inside frame 0' fw bench codec in_40x30_rgba8.raw.zst --size 40x31 || return 1
    : | zstd -q >empty_1x1_r8.raw.zst
    expect_exit 1 'no frame in empty_1x1_r8.raw.zst' fw bench codec empty_1x1_r8.raw.zst || return 1
    bmp 0.bmp 9 9 && bmp 1.bmp 9 8
    expect_exit 1 'picture 1 of %d.bmp is 9 × 8' fw bench codec %d.bmp || return 1
    expect_exit 2 'the picture 0.bmp says both' fw bench codec 0.bmp --row-order bottom-up || return 1
    expect_exit 2 '--profiles' fw bench codec plain.raw --profiles lz5 || return 1
    expect_exit 2 '--threads' fw bench codec plain.raw --threads 65 || return 1
    expect_exit 2 '--frames' fw bench codec plain.raw --frames 0 || return 1
    expect_exit 2 '--repeat' fw bench codec plain.raw --repeat 0 || return 1
    expect_exit 2 'files' fw bench codec || return 1
    fw bench --help | grep -q codec && fw bench codec --help | grep -q -- --profiles
}

# ---- Arguments

bad_arguments() {
    expect_exit 2 'url' fw receive || return 1
    expect_exit 2 'frobnicate' fw frobnicate || return 1
    expect_exit 2 '--frames' fw receive tcp://:0 --frames 0 || return 1
    expect_exit 2 '--columns' fw receive tcp://:0 --columns 17 || return 1
    expect_exit 2 'tiff' fw receive tcp://:0 --output a --format tiff || return 1
    expect_exit 2 'does not say' fw receive tcp://:0 --output a || return 1
    expect_exit 2 'holds one picture' fw receive tcp://:0 --output a.png || return 1
    expect_exit 2 'no numbered name' fw receive tcp://:0 --output %s.png || return 1
    expect_exit 2 'one %05d' fw receive tcp://:0 --output %d%d.png || return 1
    expect_exit 2 '--size' fw send a.raw tcp://localhost:1 --size 1x || return 1
    expect_exit 2 'rgba9' fw send a.raw tcp://localhost:1 --size 1x1 --format rgba9 || return 1
    expect_exit 2 'give --size' fw send - tcp://localhost:1 || return 1
    expect_exit 2 'give --size' fw send a.raw tcp://localhost:1 --format rgba8 || return 1
    expect_exit 2 '--loop' fw send - tcp://localhost:1 --size 1x1 --format r8 --loop 2 || return 1
    expect_exit 2 '--rate' fw send a_1x1_r8.raw tcp://localhost:1 --rate 0 || return 1
    expect_exit 2 'bottom-up' fw send %d.bmp tcp://localhost:1 --bottom-up || return 1
    expect_exit 2 '--metadata' fw send a_1x1_r8.raw tcp://localhost:1 --metadata =x || return 1
    expect_exit 2 '--metadata' fw send a_1x1_r8.raw tcp://localhost:1 --metadata x || return 1
    expect_exit 2 '--max-rate' fw send a_1x1_r8.raw tcp://localhost:1 --max-rate 0 || return 1
    expect_exit 2 '--max-rate' fw send a_1x1_r8.raw tcp://localhost:1 --max-rate 1e7 || return 1
    expect_exit 2 '--bit-rate' fw send a_1x1_r8.raw tcp://localhost:1 --bit-rate 5X || return 1
    expect_exit 2 '--receivers' fw send a_1x1_r8.raw tcp://localhost:1 --receivers 0 || return 1
    expect_exit 2 '--keepalive' fw receive tcp://:0 --keepalive 0 || return 1
    expect_exit 2 '--max-peers' fw receive tcp://:0 --max-peers 0 || return 1
    expect_exit 1 'must be 1 to' fw receive tcp://:0 --max-peers 1000 || return 1
    fw --help | grep -q receive && fw send --help | grep -q -- --rate && fw --version | grep -q '^[0-9.]*$'
}

bad_addresses() {
    printf x >a_1x1_r8.raw
    for url in nonsense tcp://localhost tcp://localhost:99999 http://localhost:1 file://; do
        expect_exit 1 "$url" fw send a_1x1_r8.raw "$url" || return 1
        expect_exit 1 "$url" fw receive "$url" || return 1
    done
    expect_exit 1 'no-such-host.invalid' fw send a_1x1_r8.raw tcp://no-such-host.invalid:3000
}

refused_connection() {
    printf x >a_1x1_r8.raw
    # A port that was free a moment ago.
    receive --frames 1 --timeout 0 2>/dev/null
    wait $receiver
    expect_exit 1 "localhost:$port" fw send a_1x1_r8.raw "tcp://localhost:$port" || return 1
    grep -q refused stderr && [ "$(wc -l <stderr)" = 1 ]
}

port_in_use() {
    receive --timeout 50 || return 1
    expect_exit 1 "$port" fw receive "tcp://:$port" || return 1
    kill -INT $receiver && wait $receiver
}

# ---- Files

bad_input_files() {
    expect_exit 1 'No such file' fw send none_1x1_r8.raw tcp://localhost:1 || return 1
    expect_exit 1 '0.bmp' fw send %d.bmp tcp://localhost:1 || return 1
    printf 'abc' >odd_2x1_r8.raw
    expect_exit 1 'no whole number of frames' fw send odd_2x1_r8.raw file://"$PWD"/a || return 1
    : >empty_2x1_r8.raw
    expect_exit 1 '0 bytes' fw send empty_2x1_r8.raw file://"$PWD"/a || return 1
    printf 'abc' | expect_exit 1 'ends inside frame 1' fw send - file://"$PWD"/a --size 2x1 --format r8 || return 1
    printf 'no picture' >0.png
    expect_exit 1 '0.png' fw send 0.png file://"$PWD"/a || return 1
    bmp 0.bmp 9 9 && head -c 100 0.bmp >1.bmp
    expect_exit 1 '1.bmp: ' fw send %d.bmp file://"$PWD"/a || return 1
    expect_exit 1 'none' fw inspect none || return 1
    expect_exit 1 'none' fw replay none tcp://localhost:1 || return 1
    expect_exit 1 'Framewire' fw inspect 0.bmp
}

bad_output_files() {
    noise $((64 * 64 * 4 * 40)) >in_64x64_rgba8.raw
    fw send in_64x64_rgba8.raw file://"$PWD"/a >/dev/null || return 1
    expect_exit 1 '/dev/full: No space left' fw receive file://"$PWD"/a --output /dev/full --format raw || return 1
    expect_exit 1 '/dev/full: No space left' fw receive file://"$PWD"/a --output out.raw --checksums /dev/full || return 1
    expect_exit 1 '/dev/full: No space left' fw receive file://"$PWD"/a --contact-sheet /dev/full || return 1
    expect_exit 1 'none/0.png: No such file' fw receive file://"$PWD"/a --output none/%d.png || return 1
    expect_exit 1 'none/a' fw receive file://"$PWD"/a --output none/a.raw || return 1
    expect_exit 1 'none/sheet.png' fw receive file://"$PWD"/a --contact-sheet none/sheet.png || return 1
    expect_exit 1 '/dev/full' fw send in_64x64_rgba8.raw file:///dev/full || return 1
    expect_exit 1 'Y4M file cannot hold rgba8' fw receive file://"$PWD"/a --output out.y4m
}

a_limited_disk_leaves_whole_frames() {
    noise $((64 * 64 * 4 * 40)) >in_64x64_rgba8.raw
    fw send in_64x64_rgba8.raw file://"$PWD"/a >/dev/null || return 1
    mkdir pictures
    # A file may have 100 KiB: six frames of 16 KiB and a part of the seventh.
    (trap '' XFSZ; ulimit -f 100; expect_exit 1 'out.raw: File too large' fw receive file://"$PWD"/a --output out.raw) \
        || return 1
    [ "$(stat -c %s out.raw)" = $((64 * 64 * 4 * 6)) ] && head -c $((64 * 64 * 4 * 6)) in_64x64_rgba8.raw | cmp - out.raw \
        || return 1
    (trap '' XFSZ; ulimit -f 8; expect_exit 1 'pictures/0.bmp: File too large' fw receive file://"$PWD"/a \
        --output pictures/%d.bmp) || return 1
    [ -z "$(ls -A pictures)" ]
}

verify_wants_checksums() {
    printf xy >a_1x1_r8.raw
    receive --once --verify 2>said || return 1
    fw send a_1x1_r8.raw "tcp://localhost:$port" || return 1
    local code=0
    wait $receiver || code=$?
    [ $code = 1 ] && grep -q '2 of 2 frames carried no checksum' said || { cat said; return 1; }
}

# ---- Time and signals

timeout_is_an_error() {
    expect_exit 1 'no frame came' fw receive tcp://:0 --timeout 0.05
}

interrupt_ends_in_good_order() {
    noise $((8 * 8 * 3)) >in_8x8_r8.raw
    receive --output out.raw --json >summary || return 1
    fw send in_8x8_r8.raw "tcp://localhost:$port" || return 1
    # Without --once the receiver goes on; the second sender is welcome.
    fw send in_8x8_r8.raw "tcp://localhost:$port" || return 1
    until [ "$(stat -c %s out.raw)" = $((8 * 8 * 6)) ]; do kill -0 $receiver || return 1; sleep 0.01; done
    kill -INT $receiver
    wait $receiver || return 1
    [ "$(json summary delivered)" = 6 ] && [ "$(json summary connections)" = 2 ] || { cat summary; return 1; }
}

a_receiver_that_leaves_is_an_error() {
    noise $((100 * 100 * 4 * 50)) >in_100x100_rgba8.raw
    receive --frames 3 --output out.raw || return 1
    expect_exit 1 "$port" fw send in_100x100_rgba8.raw "tcp://localhost:$port" --rate 200 || return 1
    wait $receiver && head -c 120000 in_100x100_rgba8.raw | cmp - out.raw
}

interrupt_ends_a_sender_that_waits() {
    noise $((8 * 8 * 30)) >in_8x8_r8.raw
    "$framewire" send in_8x8_r8.raw 'tcp://:0?listen=1' --ready-file port --json >summary &
    local sender=$!
    wait_for port $sender && kill -INT $sender && wait $sender && [ "$(json summary sent)" = 0 ]
}

wait_finds_a_late_receiver() {
    noise $((8 * 8 * 5)) >in_8x8_r8.raw
    fw send in_8x8_r8.raw unix://"$PWD"/socket --wait &
    local sender=$!
    fw receive unix://"$PWD"/socket --once --output out.raw || return 1
    wait $sender && cmp in_8x8_r8.raw out.raw
}

garbage_is_survived() {
    noise $((8 * 8 * 3)) >in_8x8_r8.raw
    receive --output out.raw --frames 3 2>said || return 1
    noise 5000 | timeout 20 nc -N localhost "$port" >/dev/null
    # The receiver leaves with the third frame, and a sender that has not said goodbye by then takes that for an error.
    fw send in_8x8_r8.raw "tcp://localhost:$port" 2>/dev/null || true
    wait $receiver && cmp out.raw in_8x8_r8.raw && grep -q Framewire said
}

test_case 'raw frames over TCP, profile lz4' raw_over_tcp lz4
test_case 'raw frames over TCP, profile raw' raw_over_tcp raw
test_case 'raw frames over TCP, profile tile' raw_over_tcp tile
test_case 'raw frames over a Unix socket' raw_over_unix_socket
test_case 'the sender listens' the_sender_listens
test_case 'a BMP series comes back as the same files' bmp_series_comes_back
test_case 'PNG and PPM series come back' png_and_ppm_series_come_back
test_case 'standard input and output' standard_input_and_output
test_case 'bottom-up frames are turned over' bottom_up_is_turned_over
test_case 'Y4M' y4m_goes_to_a_file
test_case '--frames, --loop, one picture, contact sheet' frames_and_loop
test_case 'lz4 reads a recording, profile lz4' stock_lz4_reads_a_recording lz4
test_case 'lz4 reads a recording, profile raw' stock_lz4_reads_a_recording raw
test_case 'a recording in profile tile' a_recording_in_tile
test_case 'record, inspect, replay' record_replay_inspect
test_case 'metadata is carried, recorded, inspected and replayed' metadata_is_carried
test_case 'several receivers' several_receivers
test_case 'several senders' several_senders
test_case 'one sender too many' one_sender_too_many
test_case 'frame rate and bit rate are limited' rates_are_limited
test_case 'a silent sender is given up' a_silent_sender_is_given_up
test_case 'the end has a reason' the_end_has_a_reason
test_case 'a torn or damaged recording is an error' a_torn_recording_is_an_error
test_case 'record writes whole messages only' a_recording_is_never_torn
test_case 'bench codec --json' bench_gives_lines
test_case 'bench codec: raw, .zst, pictures, bottom-up' bench_takes_all_inputs
test_case 'bench codec: the table' bench_shows_a_table
test_case 'bench codec refuses' bench_refuses
test_case 'bad arguments' bad_arguments
test_case 'bad addresses' bad_addresses
test_case 'refused connection' refused_connection
test_case 'port in use' port_in_use
test_case 'bad input files' bad_input_files
test_case 'bad output files' bad_output_files
test_case 'a full disk leaves whole frames' a_limited_disk_leaves_whole_frames
test_case '--verify wants checksums' verify_wants_checksums
test_case '--timeout' timeout_is_an_error
test_case 'Ctrl-C ends in good order' interrupt_ends_in_good_order
test_case 'a receiver that leaves is an error' a_receiver_that_leaves_is_an_error
test_case 'Ctrl-C ends a sender that waits' interrupt_ends_a_sender_that_waits
test_case '--wait finds a late receiver' wait_finds_a_late_receiver
test_case 'garbage is survived' garbage_is_survived

exit $((failures > 0))
