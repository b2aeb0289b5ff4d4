# What plain tools send to the library's receiver: recordings, and things that are none.

start_sink() {
    limit "$BIN/frame_sink" tcp://127.0.0.1:0 received.raw --port-file port "$@" >numbers &
    sink=$!
    await test -s port
    port=$(cat port)
}

recording_by_netcat() {
    need nc
    source_frames "file://$PWD/recording.fw" --policy block --raw sent.raw --kind mixed --size 320x240,33x77
    start_sink --once
    limit nc -N 127.0.0.1 "$port" <recording.fw >/dev/null
    await_end $sink frame_sink
    same sent.raw received.raw
}

# A tool that never reads what the receiver says, and leaves as soon as it has written. Had the receiver said
# anything, the system would reset the connection then and throw away what is still on its way.
recording_by_writer() {
    source_frames "file://$PWD/recording.fw" --policy block --raw sent.raw --kind noise --size 640x480
    start_sink --once
    limit bash -c 'cat recording.fw >"/dev/tcp/127.0.0.1/$1"' writer "$port"
    await_end $sink frame_sink
    same sent.raw received.raw
}

# Whole frames only, then an error that says where the stream broke off.
truncated_recording() {
    need nc
    source_frames "file://$PWD/recording.fw" --policy block --raw sent.raw --kind mixed
    start_sink --once
    head -c $(($(wc -c <recording.fw) * 2 / 3)) recording.fw | limit nc -N 127.0.0.1 "$port" >/dev/null
    local status=0
    wait $sink || status=$?
    [ $status = 1 ] || fail "the receiver ended with status $status"
    grep -q 'FW_ERROR_.*[0-9]' log || fail "no reason: $(tail -n 1 log)"
    [ "$(value frames numbers)" -ge 1 ] || fail "no frame before the break was delivered"
    limit "$BIN/frames_among" $((320 * 240 * 4)) sent.raw received.raw
}

# A flipped byte never gives a frame that differs.
damaged_recording() {
    need nc
    source_frames "file://$PWD/recording.fw" --policy block --raw sent.raw --kind text
    local place=$(($(wc -c <recording.fw) / 2))
    printf '\377\000\377' | dd of=recording.fw bs=1 seek=$place conv=notrunc status=none
    start_sink --once
    limit nc -N 127.0.0.1 "$port" <recording.fw >/dev/null || true
    local status=0
    wait $sink || status=$?
    [ $status = 1 ] || fail "the receiver ended with status $status"
    limit "$BIN/frames_among" $((320 * 240 * 4)) sent.raw received.raw
}

# send_stranger NAME: plain LZ4, HTTP or noise.
send_stranger() {
    case $1 in
    lz4) head -c 100000 /dev/zero | lz4 -c ;;
    http) printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' ;;
    noise) head -c 100000 "$BIN/frame_source" ;;
    esac | limit nc -N 127.0.0.1 "$port" >/dev/null || true
}

stranger_is_refused() {
    need nc lz4
    start_sink --once
    send_stranger "$1"
    local status=0
    wait $sink || status=$?
    [ $status = 1 ] || fail "the receiver ended with status $status"
    grep -q 'FW_ERROR_PROTOCOL: ' log || fail "the reason is not named: $(tail -n 1 log)"
}

# A receiver that listens outlives them and serves the next sender.
strangers_are_survived() {
    need nc lz4
    start_sink --frames 10
    local name
    for name in lz4 http noise; do send_stranger $name; done
    source_frames "tcp://127.0.0.1:$port" --policy block --raw sent.raw
    await_end $sink frame_sink
    same sent.raw received.raw
    [ "$(value errors numbers)" = 3 ] || fail "$(value errors numbers) errors were counted instead of 3"
}

check netcat-sends-recording recording_by_netcat
check writer-sends-recording recording_by_writer
check truncated-recording truncated_recording
check damaged-recording damaged_recording
for name in lz4 http noise; do
    check "stranger-$name" stranger_is_refused $name
done
check strangers-survived strangers_are_survived
