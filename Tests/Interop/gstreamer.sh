# GStreamer's own elements carry the stream, and play what `lz4 -d` makes of it.

launch() {
    GST_REGISTRY=$WORK/gstreamer-registry limit gst-launch-1.0 "$@"
}

# Skips unless gst-launch-1.0, lz4 and the elements are there.
need_elements() {
    need gst-launch-1.0 gst-inspect-1.0 lz4
    local element
    for element; do
        GST_REGISTRY=$WORK/gstreamer-registry gst-inspect-1.0 --exists "$element" ||
            skip "GStreamer's element '$element' is not installed"
    done
}

# start_server PIPELINE...: what follows tcpserversrc. Sets `port` and `server`.
start_server() {
    launch -v tcpserversrc host=127.0.0.1 port=0 ! "$@" >gst.log &
    server=$!
    read_port gst.log 'current-port = '
}

through_tcpserversrc() {
    need_elements tcpserversrc filesink
    start_server filesink location=stream.lz4
    source_frames "tcp://127.0.0.1:$port" --policy block --raw sent.raw "$@"
    await_end $server gst-launch-1.0
    lz4 -t stream.lz4
    limit lz4 -dc stream.lz4 >received.raw
    same sent.raw received.raw
}

through_tcpclientsrc() {
    need_elements tcpclientsrc filesink
    limit "$BIN/frame_source" 'tcp://127.0.0.1:0?listen=1' --policy block --raw sent.raw --port-file port "$@" &
    local sender=$!
    await test -s port
    launch -q tcpclientsrc host=127.0.0.1 port="$(cat port)" ! filesink location=stream.lz4
    await_end $sender frame_source
    limit lz4 -dc stream.lz4 >received.raw
    same sent.raw received.raw
}

# plays FORMAT NAME: `fdsrc ! rawvideoparse` finds the frames in what lz4 -d wrote; NAME is GStreamer's for
# FORMAT.
plays() {
    need_elements fdsrc rawvideoparse filesink fakesink
    local width=320 height=242 frames=12 bytes parse
    parse="rawvideoparse width=$width height=$height format=$2 framerate=30/1"
    source_frames "file://$PWD/recording.fw" --size ${width}x$height --format "$1" --frames $frames --kind mixed \
        --bottom-up --policy block --raw sent.raw
    # shellcheck disable=SC2086 -- words of the pipeline
    lz4 -dc recording.fw | launch -q fdsrc ! $parse ! filesink location=played.raw
    same sent.raw played.raw
    # shellcheck disable=SC2086
    lz4 -dc recording.fw | launch -v fdsrc ! $parse ! fakesink silent=false >played.log
    bytes=$(($(wc -c <sent.raw) / frames))
    [ "$(grep -c "chain .*( *$bytes bytes" played.log)" = $frames ] ||
        fail "$(grep -c 'chain ' played.log) pictures were played instead of $frames of $bytes bytes"
}

# All of it at once, while the sender is sending.
plays_live() {
    need_elements tcpserversrc fdsink fdsrc rawvideoparse filesink
    mkfifo stream
    limit lz4 -dc <stream | launch -q fdsrc ! rawvideoparse width=640 height=360 format=bgra framerate=60/1 ! \
        filesink location=played.raw &
    local player=$!
    start_server filesink location=stream buffer-mode=unbuffered
    source_frames "tcp://127.0.0.1:$port" --policy block --raw sent.raw --size 640x360 --format bgra8 --frames 60
    await_end $server gst-launch-1.0
    await_end $player "the player"
    same sent.raw played.raw
}

# tcpclientsink sends a recording to the library's receiver.
from_tcpclientsink() {
    need_elements filesrc tcpclientsink
    source_frames "file://$PWD/recording.fw" --policy block --raw sent.raw --kind mixed "$@"
    limit "$BIN/frame_sink" tcp://127.0.0.1:0 received.raw --once --port-file port &
    local sink=$!
    await test -s port
    launch -q filesrc location=recording.fw blocksize=1021 ! tcpclientsink host=127.0.0.1 port="$(cat port)"
    await_end $sink frame_sink
    same sent.raw received.raw
}

for profile in lz4 raw; do
    check "gstreamer-tcpserversrc-$profile" \
        through_tcpserversrc --profile $profile --bottom-up --kind mixed --size 640x360 --frames 20
done
check gstreamer-tcpclientsrc through_tcpclientsrc --kind text --size 640x360
check gstreamer-plays-rgba plays rgba8 rgba
check gstreamer-plays-bgra plays bgra8 bgra
check gstreamer-plays-i420 plays i420 i420
check gstreamer-plays-live plays_live
check gstreamer-tcpclientsink from_tcpclientsink
