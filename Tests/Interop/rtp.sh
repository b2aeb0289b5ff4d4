# RTP of H.264 with GStreamer's and ffmpeg's on the other side. Its packets are the same bytes as rtph264pay's where RFC 6184 leaves
# a choice too: fragments as large as they can be, NAL units in one packet as many as fit.

# make_stream WIDTHxHEIGHT PICTURES PAY-OPTIONS...: stream.h264, of x264, and theirs.rtp, what rtph264pay makes of it (RFC 4571).
make_stream() {
    need_elements x264enc h264parse rtph264pay rtpstreampay filesink
    local width=${1%x*} height=${1#*x} pictures=$2
    shift 2
    launch -q videotestsrc num-buffers="$pictures" pattern=smpte75 horizontal-speed=3 ! \
        "video/x-raw,width=$width,height=$height,framerate=25/1" ! \
        x264enc bitrate=2000 key-int-max=20 bframes=0 speed-preset=ultrafast threads=1 ! h264parse ! \
        video/x-h264,stream-format=byte-stream,alignment=au ! tee name=both ! queue ! \
        rtph264pay pt=96 ssrc=287454020 seqnum-offset=100 timestamp-offset=1000 "$@" ! rtpstreampay ! \
        filesink location=theirs.rtp both. ! queue ! filesink location=stream.h264
    [ -s stream.h264 ] || fail "x264enc made no stream"
}

rtp_packets() {
    limit "$BIN/rtp_packets" "$@" >counts
}

# packets_are PAY-OPTION RTP_PACKETS-OPTION...
packets_are() {
    local option=$1
    shift
    make_stream 640x360 60 $option
    rtp_packets pay stream.h264 ours.rtp "$@"
    same theirs.rtp ours.rtp
    [ "$(value copied counts)" = 0 ] || fail "$(value copied counts) bytes of the payload were copied"
    # The same from sizes instead of start codes.
    rtp_packets pay stream.h264 ours.rtp --avc "$@"
    same theirs.rtp ours.rtp
}

# restores PAY-OPTION...: what rtph264pay sends comes back, with start codes and with sizes.
restores() {
    make_stream 640x360 60 "$@"
    rtp_packets depay theirs.rtp back.h264
    same stream.h264 back.h264
    [ "$(value access_units counts) $(value damaged counts)" = '60 0' ] || fail "$(cat counts)"
    rtp_packets depay theirs.rtp back.avc --avc
    limit "$BIN/rtp_packets" avc stream.h264 stream.avc
    same stream.avc back.avc
}

decode_with_gstreamer() {
    launch -q filesrc location=stream.h264 ! h264parse ! avdec_h264 ! filesink location=direct.yuv
}

# A port that nothing uses, even as those of RTP are, and the next one is free too; in `port`.
choose_port() {
    port=$((20000 + RANDOM % 20000 * 2))
    while grep -qi ":$(printf %04X $port) \|:$(printf %04X $((port + 1))) " /proc/net/udp /proc/net/udp6; do
        port=$((20000 + RANDOM % 20000 * 2))
    done
}

await_udp_port() {
    await grep -qi ":$(printf %04X "$port") " /proc/net/udp /proc/net/udp6
}

# to_gstreamer HOST OPTION...: what GStreamer receives and decodes are the pictures of the stream.
to_gstreamer() {
    local host=$1
    shift
    need_elements udpsrc rtph264depay avdec_h264
    make_stream 320x240 50
    decode_with_gstreamer
    rtp_packets pay stream.h264 ours.rtp "$@"
    choose_port
    launch -q udpsrc address="${host//[\[\]]/}" port=$port num-buffers="$(value packets counts)" buffer-size=200000 \
        caps='application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96' ! \
        rtph264depay ! h264parse ! avdec_h264 ! filesink location=received.yuv &
    local receiver=$!
    await_udp_port
    rtp_packets send stream.h264 "udp://$host:$port" "$@"
    await_end $receiver gst-launch-1.0
    same direct.yuv received.yuv
}

# ffmpeg opens our session description. It waits for what follows the last picture, so the stream is sent twice.
to_ffmpeg() {
    need ffmpeg
    make_stream 320x240 50
    limit ffmpeg -loglevel error -i stream.h264 -f rawvideo direct.yuv
    choose_port
    rtp_packets pay stream.h264 ours.rtp "$@" --sdp description
    sed "s/ 5004 / $port /" description >stream.sdp
    limit ffmpeg -loglevel error -protocol_whitelist file,udp,rtp -i stream.sdp -frames:v 50 -f rawvideo received.yuv &
    local receiver=$!
    await_udp_port
    rtp_packets send stream.h264 "udp://127.0.0.1:$port" "$@" --loops 2 || true
    await_end $receiver ffmpeg
    same direct.yuv received.yuv
}

# The sample streams to GStreamer.
sample_to_gstreamer() {
    need_elements udpsrc rtph264depay avdec_h264
    make_stream 320x240 30
    decode_with_gstreamer
    rtp_packets pay stream.h264 ours.rtp
    make -s -B -C "$SOURCES/../../samples/rtp-h264" CFLAGS=-O1
    choose_port
    launch -q udpsrc address=127.0.0.1 port=$port num-buffers="$(value packets counts)" buffer-size=200000 \
        caps='application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96' ! \
        rtph264depay ! h264parse ! avdec_h264 ! filesink location=received.yuv &
    local receiver=$!
    await_udp_port
    limit "$SOURCES/../../samples/rtp-h264/rtp-h264" stream.h264 "udp://127.0.0.1:$port" 200 >stream.sdp
    await_end $receiver gst-launch-1.0
    same direct.yuv received.yuv
    grep -q "^m=video $port RTP/AVP 96" stream.sdp || fail "the sample wrote no session description"
}

check rtp-packets-are-rtph264pays packets_are mtu=1400
check rtp-small-packets-are-rtph264pays packets_are mtu=300 --mtu 300
check rtp-aggregates-are-rtph264pays packets_are aggregate-mode=max-stap --stap
check rtp-restores-rtph264pay restores mtu=1000
check rtp-restores-rtph264pay-aggregates restores aggregate-mode=zero-latency mtu=700
check rtp-to-gstreamer to_gstreamer 127.0.0.1
check rtp-to-gstreamer-ipv6-aggregates to_gstreamer '[::1]' --stap --mtu 900
check rtp-to-ffmpeg to_ffmpeg
check rtp-sample-to-gstreamer sample_to_gstreamer
