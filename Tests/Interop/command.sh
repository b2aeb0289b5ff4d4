# The `framewire` command among stock tools: nc, lz4, GStreamer, and netpbm for pictures.

framewire() {
    limit "$PREFIX/bin/framewire" "$@"
}

need_command() {
    [ -x "$PREFIX/bin/framewire" ] || skip "there is no $PREFIX/bin/framewire"
    need "$@"
}

# make_raw NAME [OPTION OF frame_source...]
make_raw() {
    local name=$1
    shift
    source_frames - --raw "$name" "$@"
}

# command_into_netcat PROFILE [OPTION OF framewire send...]
command_into_netcat() {
    need_command nc lz4
    make_raw in_322x181_rgba8.raw --size 322x181 --kind mixed --frames 15
    start_nc_lz4 received.raw
    framewire send in_322x181_rgba8.raw "tcp://127.0.0.1:$port" --profile "$1"
    end_nc_lz4
    same in_322x181_rgba8.raw received.raw
}

# Rows as glReadPixels gives them, on standard input; the reader gets them top-down.
command_bottom_up_from_stdin() {
    need_command nc lz4
    make_raw top-down.raw --size 60x47 --kind text
    # The same frames with their rows the other way round, made without the library.
    split -b $((60 * 4)) -a 4 -d top-down.raw row.
    local frame row
    for frame in {0..9}; do
        for row in {46..0}; do cat "$(printf 'row.%04d' $((frame * 47 + row)))"; done
    done >bottom-up.raw
    start_nc_lz4 received.raw
    framewire send - "tcp://127.0.0.1:$port" --size 60x47 --format rgba8 --bottom-up <bottom-up.raw
    end_nc_lz4
    same top-down.raw received.raw
}

netcat_connects_to_command() {
    need_command nc lz4
    make_raw in_320x240_bgra8.raw --format bgra8 --kind mixed
    limit "$PREFIX/bin/framewire" send in_320x240_bgra8.raw 'tcp://127.0.0.1:0?listen=1' --ready-file port &
    local sender=$!
    await test -s port
    limit nc -d 127.0.0.1 "$(cat port)" | limit lz4 -dc >received.raw
    await_end $sender 'framewire send'
    same in_320x240_bgra8.raw received.raw
}

command_through_gstreamer() {
    need_command
    need_elements tcpserversrc filesink
    make_raw in_320x240_rgba8.raw --kind mixed
    start_server filesink location=stream.lz4
    framewire send in_320x240_rgba8.raw "tcp://127.0.0.1:$port"
    await_end $server gst-launch-1.0
    limit lz4 -dc stream.lz4 >received.raw
    same in_320x240_rgba8.raw received.raw
    # What GStreamer wrote is a recording as well.
    framewire receive "file://$PWD/stream.lz4" --output again.raw
    same in_320x240_rgba8.raw again.raw
}

# start_command_receiver OPTION...: sets `port` and `receiver`.
start_command_receiver() {
    rm -f port
    limit "$PREFIX/bin/framewire" receive tcp://127.0.0.1:0 --once --ready-file port "$@" &
    receiver=$!
    await test -s port
    port=$(cat port)
}

# Bitmaps that netpbm makes of computed pictures, of several sizes, one of them with padded rows.
make_bitmaps() {
    local number=0 size kinds=(mixed smooth mixed text noise)
    mkdir bmp
    for size in 320x200 320x200 333x77 33x301 333x77; do
        make_raw rgb --size $size --format rgb8 --frames 1 --kind ${kinds[number]}
        { printf 'P6\n%s\n255\n' "${size/x/ }" && cat rgb; } >"$number.ppm"
        ppmtobmp -quiet -bpp=24 "$number.ppm" >"$(printf 'bmp/%05d.bmp' $number)"
        number=$((number + 1))
    done
}

# bitmaps_arrive FORMAT READER: netpbm reads from what was received the pixels that it had put in.
bitmaps_arrive() {
    need_command ppmtobmp "$2"
    make_bitmaps
    mkdir received
    start_command_receiver --output "received/%05d.$1" --verify
    framewire send bmp/%05d.bmp "tcp://127.0.0.1:$port" --checksum
    await_end $receiver 'framewire receive'
    local number file
    for number in 0 1 2 3 4; do
        file=$(printf 'received/%05d.%s' $number "$1")
        [ -s "$file" ] || fail "$file did not arrive: $(ls received | tr '\n' ' ')"
        if [ "$2" = pngtopam ]; then pngtopam "$file" | pamtopnm; else "$2" -quiet "$file"; fi >picture.ppm
        same $number.ppm picture.ppm
    done
    [ "$(ls received | wc -l)" = 5 ] || fail "5 bitmaps were sent; these came: $(ls received | tr '\n' ' ')"
}

# The stock tools see one picture after another, each with its own size.
bitmaps_into_netcat() {
    need_command nc lz4 ppmtobmp
    make_bitmaps
    start_nc_lz4 received.raw
    framewire send bmp/%05d.bmp "tcp://127.0.0.1:$port"
    end_nc_lz4
    local bytes=$(((2 * 320 * 200 + 2 * 333 * 77 + 33 * 301)))
    case $(wc -c <received.raw) in
    $((3 * bytes)) | $((4 * bytes))) ;;
    *) fail "$(wc -c <received.raw) bytes for $bytes pixels" ;;
    esac
}

command_records() {
    need_command lz4
    make_raw in_320x240_rgba8.raw --kind mixed
    framewire send in_320x240_rgba8.raw "file://$PWD/recording.fw"
    lz4 -t recording.fw
    lz4 -dc recording.fw >decoded.raw
    same in_320x240_rgba8.raw decoded.raw
}

# The C interface on one side, the command on the other.
library_to_command() {
    need_command
    start_command_receiver --output received.raw
    source_frames "tcp://127.0.0.1:$port" --policy block --raw sent.raw --bottom-up --padding 4 --size 641x200
    await_end $receiver 'framewire receive'
    same sent.raw received.raw
}

command_to_library() {
    need_command
    make_raw in_320x240_rgba8.raw --kind mixed
    limit "$BIN/frame_sink" tcp://127.0.0.1:0 received.raw --once --port-file port >numbers &
    local sink=$!
    await test -s port
    framewire send in_320x240_rgba8.raw "tcp://127.0.0.1:$(cat port)"
    await_end $sink frame_sink
    same in_320x240_rgba8.raw received.raw
}

# Nothing is lost in silence: the command says that the reader has gone.
command_reader_leaves() {
    need_command nc
    make_raw in_640x480_rgba8.raw --size 640x480 --kind noise --frames 30
    start_leaving_reader
    fails_with 1 "127.0.0.1:$port" framewire send in_640x480_rgba8.raw "tcp://127.0.0.1:$port"
}

# Everything else about the command.
command_by_itself() {
    need_command lz4 nc
    LIMIT=300 limit bash "$SOURCES/cli_test.sh" "$PREFIX/bin/framewire" >report 2>&1 || {
        cat report
        fail "$(grep -A 3 -m 1 FAILED report | tr -s ' \n' ' ')"
    }
}

check command-netcat-lz4 command_into_netcat lz4
check command-netcat-raw command_into_netcat raw
check command-netcat-auto command_into_netcat auto
check command-netcat-bottom-up command_bottom_up_from_stdin
check command-netcat-connects netcat_connects_to_command
check command-gstreamer command_through_gstreamer
check command-bitmaps bitmaps_arrive bmp bmptopnm
check command-bitmaps-to-png bitmaps_arrive png pngtopam
check command-bitmaps-netcat bitmaps_into_netcat
check command-recording command_records
check command-from-library library_to_command
check command-to-library command_to_library
check command-reader-leaves command_reader_leaves
check command-itself command_by_itself
