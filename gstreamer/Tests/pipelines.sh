# Pipelines as users write them, with other programs on the other side. Sourced by scripts/test-gstreamer.sh.

launch() {
    limit gst-launch-1.0 -q "$@"
}

need_elements() {
    local element
    for element; do
        gst-inspect-1.0 --exists "$element" || skip "GStreamer's element '$element' is not installed"
    done
}

framewire() {
    limit "$PREFIX/bin/framewire" "$@"
}

# start_dump DESCRIPTION: writes what comes out of it, packed, to received.raw. Sets `port` and `dumper`.
start_dump() {
    rm -f port
    limit "$BIN/dump" received.raw "$1" port >caps &
    dumper=$!
    await test -s port
    port=$(cat port)
}

# The library's frames, given bottom-up and padded, come out as caps say.
#   from_library CAPS RECEIVER FORMAT [OPTION OF frame_source…]
from_library() {
    local caps=$1 receiver=$2 format=$3
    shift 3
    start_dump "$receiver ! fakesink name=out"
    source_frames "tcp://127.0.0.1:$port" --format "$format" --size 323x241 --bottom-up --policy block --raw sent.raw \
        --kind mixed "$@"
    await_end $dumper dump
    same sent.raw received.raw
    grep -q "format=(string)$caps, width=(int)323, height=(int)241" caps || fail "the caps are $(head -n 1 caps)"
}

# The OpenGL sample's pictures are those that come out, by the checksums that it takes of what it draws.
from_opengl() {
    need xxhsum
    local bytes=$((320 * 200 * 4)) index sum
    cp -r "$SAMPLE" sample
    make -s -C sample -B >/dev/null
    start_dump "$1 ! fakesink name=out"
    limit sample/c-opengl "tcp://127.0.0.1:$port" --size 320x200 --frames 30 --fps 0 --policy block --checksums drawn
    await_end $dumper dump
    [ "$(wc -c <received.raw)" = $((30 * bytes)) ] || fail "$(wc -c <received.raw) bytes came"
    for ((index = 0; index < 30; index++)); do
        sum=$(tail -c +$((index * bytes + 1)) received.raw | head -c $bytes | xxhsum -H3 - | sed 's/.*= *//; s/ .*//; s/^XXH3_//')
        [ "$index $sum" = "$(sed -n "$((index + 1))p" drawn)" ] || fail "picture $index is $sum, drawn was $(sed -n "$((index + 1))p" drawn)"
    done
}

# lz4enc and tcpclientsink send to the command.
to_command() {
    framewire receive tcp://127.0.0.1:0 --once --verify --output received.raw --ready-file port &
    local receiver=$!
    await test -s port
    launch videotestsrc num-buffers=20 pattern=smpte ! "video/x-raw,format=$2,width=320,height=240" ! tee name=t ! queue ! \
        filesink location=sent.raw t. ! queue ! lz4enc profile="$1" checksum=true ! tcpclientsink host=127.0.0.1 port="$(cat port)"
    await_end $receiver "framewire receive"
    same sent.raw received.raw
}

from_command() {
    head -c $((37 * 21 * 4 * 12)) /dev/urandom >sent.raw
    start_dump "framewiresrc name=src uri=tcp://127.0.0.1:0 once=true ! fakesink name=out"
    framewire send sent.raw "tcp://127.0.0.1:$port" --size 37x21 --format rgba8
    await_end $dumper dump
    same sent.raw received.raw
}

# What stock lz4 makes of it is the pictures, whatever metadata is between them.
stock_lz4() {
    launch videotestsrc num-buffers=10 ! "video/x-raw,format=RGBA,width=333,height=77,pixel-aspect-ratio=16/11" ! tee name=t ! queue ! \
        filesink location=sent.raw t. ! queue ! lz4enc profile="$1" ! filesink location=stream.lz4
    lz4 -t stream.lz4
    lz4 -dc stream.lz4 >received.raw
    same sent.raw received.raw
}

# Other programs see what caps say in the metadata, and what they say there is in the caps.
metadata() {
    launch videotestsrc num-buffers=3 ! \
        "video/x-raw,format=I420,width=64,height=48,framerate=2469/200,pixel-aspect-ratio=16/11,interlace-mode=mixed,chroma-site=mpeg2" ! \
        framewiresink sync=false overflow=block uri="file://$PWD/recording.fwr"
    framewire inspect recording.fwr >messages
    [ "$(grep -c 'pixel-aspect-ratio="16/11"  interlace-mode="mixed"  chroma-site="mpeg2"  framerate="2469/200"' messages)" = 3 ] || fail "$(head -n 1 messages)"
    head -c $((64 * 48 * 4 * 3)) /dev/zero >sent.raw
    start_dump "$1 ! fakesink name=out"
    framewire send sent.raw "tcp://127.0.0.1:$port" --size 64x48 --format rgba8 --metadata pixel-aspect-ratio=8/9 \
        --metadata interlace-mode=interleaved --metadata field-order=top-field-first --metadata framerate=7/3
    await_end $dumper dump
    same sent.raw received.raw
    grep -q 'framerate=(fraction)7/3' caps && grep -q 'pixel-aspect-ratio=(fraction)8/9' caps &&
        grep -q 'interlace-mode=(string)interleaved, field-order=(string)top-field-first' caps || fail "$(head -n 1 caps)"
}

# Values that make no sense change nothing and harm nobody.
senseless_metadata() {
    export G_DEBUG=fatal-criticals
    head -c $((64 * 48 * 3 / 2 * 3)) /dev/zero >sent.raw
    start_dump "$1 ! fakesink name=out"
    framewire send sent.raw "tcp://127.0.0.1:$port" --size 64x48 --format i420 --metadata pixel-aspect-ratio=1/0 \
        --metadata interlace-mode=alternate --metadata field-order=sideways --metadata framerate=-1/5 \
        --metadata max-framerate=99999999999/1 --metadata chroma-site=middle --metadata colorimetry=9999:77:-1:1 \
        --metadata multiview-mode=many --metadata multiview-flags=99999999999 --metadata buffer-flags="x y discont" \
        --metadata timecode="99:99:99;99 25/1 7"
    await_end $dumper dump
    same sent.raw received.raw
    cat caps
    start_dump "$1 ! fakesink name=out"
    framewire send sent.raw "tcp://127.0.0.1:$port" --size 64x48 --format i420 --metadata pixel-aspect-ratio=2147483647/2147483647 \
        --metadata multiview-mode=side-by-side --metadata multiview-flags=4294967295 --metadata colorimetry=9:9:99:99 \
        --metadata framerate=2147483647/1 --metadata chroma-site=mpeg2+99 --metadata timecode="23:59:59:4294967295 4294967295/1" \
        --metadata interlace-mode= --metadata buffer-flags=
    await_end $dumper dump
    same sent.raw received.raw
    cat caps
    ! grep -E 'interlace-mode=.string.(alternate|interleaved|mixed)|framerate=.fraction.-|1/0|9999' caps
}

# framewiresink records; the command and decodebin read that.
recording() {
    launch videotestsrc num-buffers=10 ! "video/x-raw,format=I420,width=320,height=240" ! tee name=t ! queue ! \
        filesink location=sent.raw t. ! queue ! framewiresink sync=false overflow=block uri="file://$PWD/recording.fwr"
    framewire receive "file://$PWD/recording.fwr" --verify --output received.raw
    same sent.raw received.raw
    limit "$BIN/dump" received.raw "filesrc location=recording.fwr ! decodebin ! fakesink name=out"
    same sent.raw received.raw
}

# The pipelines of the question: bitmaps on one machine, the same bitmaps on the other.
bitmaps() {
    need_elements avenc_bmp avdec_bmp multifilesrc tcpserversrc
    mkdir sent received
    launch videotestsrc num-buffers=12 pattern=smpte ! "video/x-raw,format=BGR,width=323,height=241,framerate=30/1" ! avenc_bmp ! \
        multifilesink location=sent/%05d.bmp
    limit gst-launch-1.0 -v tcpserversrc host=127.0.0.1 port=0 ! lz4dec ! avenc_bmp ! multifilesink location=received/%05d.bmp >gst.log &
    local server=$!
    read_port gst.log 'current-port = '
    launch multifilesrc location=sent/%05d.bmp caps=image/bmp,framerate=30/1 ! avdec_bmp ! lz4enc ! \
        tcpclientsink host=127.0.0.1 port="$port"
    await_end $server gst-launch-1.0
    diff -r sent received
    [ "$(ls received | wc -l)" = 12 ] || fail "$(ls received | wc -l) bitmaps came"
}

# Bitmaps of another program's making to the command's.
bitmaps_to_command() {
    need_elements avdec_bmp multifilesrc
    need ppmtobmp bmptopnm
    mkdir sent received
    local number
    for number in 0 1 2 3 4; do
        { printf 'P6 33 7 255\n' && head -c $((33 * 7 * 3)) /dev/urandom; } >picture.ppm
        ppmtobmp -bpp=24 -windows picture.ppm >"sent/0000$number.bmp" 2>/dev/null
    done
    framewire receive tcp://127.0.0.1:0 --once --output received/%05d.bmp --ready-file port &
    local receiver=$!
    await test -s port
    launch multifilesrc location=sent/%05d.bmp caps=image/bmp,framerate=30/1 ! avdec_bmp ! videoconvert ! video/x-raw,format=BGR ! \
        framewiresink sync=false overflow=block uri="tcp://127.0.0.1:$(cat port)"
    await_end $receiver "framewire receive"
    for number in 0 1 2 3 4; do
        bmptopnm "sent/0000$number.bmp" >a.ppm 2>/dev/null
        bmptopnm "received/0000$number.bmp" >b.ppm 2>/dev/null
        same a.ppm b.ppm
    done
}

# Encrypted, each side knowing the other by its fingerprint.
encrypted() {
    framewire keygen keys >keygen.log
    local sender receiver
    sender=$(openssl x509 -in keys/sender.pem -outform DER | sha256sum | cut -c1-64)
    receiver=$(openssl x509 -in keys/receiver.pem -outform DER | sha256sum | cut -c1-64)
    start_dump "framewiresrc name=src once=true uri=tls://127.0.0.1:0 tls-certificate=keys/receiver.pem tls-key=keys/receiver.key \
        tls-pins=sha256:$sender ! fakesink name=out"
    launch videotestsrc num-buffers=10 ! "video/x-raw,format=RGBA,width=64,height=48" ! tee name=t ! queue ! \
        filesink location=sent.raw t. ! queue ! framewiresink sync=false overflow=block uri="tls://127.0.0.1:$port" \
        tls-certificate=keys/sender.pem tls-key=keys/sender.key tls-pins="sha256:$receiver"
    await_end $dumper dump
    same sent.raw received.raw
}

# One encoder, and whoever connects later begins with the stream's opening and a frame that needs no other.
fan_out() {
    need_elements tcpserversink tcpclientsrc
    limit gst-launch-1.0 -v videotestsrc is-live=true ! video/x-raw,format=RGBA,width=64,height=48,framerate=100/1 ! \
        lz4enc profile=tile key-frame-interval=10 ! tcpserversink host=127.0.0.1 port=0 sync-method=latest-keyframe >gst.log &
    read_port gst.log 'current-port = '
    local index
    for index in 1 2 3; do
        launch tcpclientsrc host=127.0.0.1 port="$port" ! lz4dec ! identity eos-after=20 ! filesink location=received.raw
        # The picture of eos-after itself is the end.
        [ "$(wc -c <received.raw)" -ge $((19 * 64 * 48 * 4)) ] || fail "$(wc -c <received.raw) bytes came to client $index"
    done
}

# A name service that does not answer holds nobody up who wants to stop.
slow_names() {
    echo '#include <unistd.h>
        int getaddrinfo(const char *node, const char *service, const void *hints, void **result) {
            (void)node, (void)service, (void)hints, (void)result;
            return sleep(36000), -3;
        }' | cc -xc -shared -fPIC -o slow.so -
    limit sh -c 'echo $$ >pid && LD_PRELOAD=./slow.so exec gst-launch-1.0 -m "$@"' sh "$@" >messages &
    local pipeline=$!
    await grep -q 'state=(string)connecting' messages
    kill -INT "$(cat pid)"
    await_end $pipeline gst-launch-1.0
}

# What gstreamer/README.md tells users to type is understood, as far as the elements are installed.
readme() {
    local line count=0
    # Lines that end in a backslash go on.
    sed -e ':more' -e '/\\$/{N;s/\\\n//;b more' -e '}' "$SOURCES/../README.md" | sed -n 's/^gst-launch-1\.0 //p' >lines
    while read -r line; do
        line=${line%%#*}
        line=${line#-[em] }
        limit "$BIN/dump" "${line//\'/}" || fail "not understood: $line"
        count=$((count + 1))
    done <lines
    [ $count -ge 15 ] || fail "only $count pipelines were found"
}

src='framewiresrc name=src uri=tcp://127.0.0.1:0 once=true'
dec='tcpserversrc name=src host=127.0.0.1 port=0 ! lz4dec'
for pair in rgba8:RGBA bgra8:BGRA rgb8:RGB bgr8:BGR r8:GRAY8 rgba16:RGBA64_LE nv12:NV12 i420:I420; do
    check "plugin-src-${pair%:*}" from_library "${pair#*:}" "$src" "${pair%:*}" --padding 20
    check "plugin-dec-${pair%:*}" from_library "${pair#*:}" "$dec" "${pair%:*}" --by buffer
done
check plugin-src-opengl from_opengl "$src"
check plugin-dec-opengl from_opengl "$dec"
for profile in raw lz4 tile; do
    check "plugin-to-command-$profile" to_command $profile RGBA
done
check plugin-to-command-gray to_command lz4 GRAY8
check plugin-to-command-nv12 to_command tile NV12
check plugin-from-command from_command
check plugin-stock-lz4 stock_lz4 lz4
check plugin-stock-lz4-raw stock_lz4 raw
check plugin-recording recording
check plugin-metadata-src metadata "$src"
check plugin-metadata-dec metadata "$dec"
check plugin-metadata-senseless-src senseless_metadata "$src"
check plugin-metadata-senseless-dec senseless_metadata "$dec"
check plugin-bitmaps bitmaps
check plugin-bitmaps-to-command bitmaps_to_command
check plugin-encrypted encrypted
check plugin-fan-out fan_out
check plugin-slow-names-sink slow_names videotestsrc ! framewiresink uri=tcp://media-server:3000
check plugin-slow-names-src slow_names framewiresrc uri='tcp://renderer:3000?connect=1' ! fakesink
check plugin-readme readme
