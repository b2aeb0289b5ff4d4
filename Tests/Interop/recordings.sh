# A recording is a file that the stock tools know.

make_recording() {
    source_frames "file://$PWD/recording.fw" --policy block --raw sent.raw "$@" >numbers
}

recording() {
    need lz4
    make_recording "$@"
    lz4 -t recording.fw || fail "lz4 -t refuses the recording"
    limit lz4 -dc recording.fw >decoded.raw
    same sent.raw decoded.raw
    rm decoded.raw
    limit "$BIN/frame_sink" "file://$PWD/recording.fw" received.raw >numbers
    same sent.raw received.raw
    [ "$(value verified numbers)" = "$(value frames numbers)" ] || fail "not every frame of the recording has a checksum"
}

recording_is_known_to_file() {
    need file
    make_recording
    file -b recording.fw | grep -q '^LZ4 compressed data' || fail "file says: $(file -b recording.fw)"
}

# Recordings one behind the other are a recording.
recordings_together() {
    need lz4
    make_recording --kind text
    mv recording.fw one.fw && mv sent.raw one.raw
    make_recording --kind smooth --size 64x48
    cat one.fw recording.fw >both.fw
    cat one.raw sent.raw >both.raw
    lz4 -dc both.fw >decoded.raw
    same both.raw decoded.raw
    limit "$BIN/frame_sink" "file://$PWD/both.fw" received.raw
    same both.raw received.raw
}

# A full disk is an error with a reason, in bounded time.
recording_on_a_full_disk() {
    [ -c /dev/full ] || skip "there is no /dev/full here"
    local status=0
    source_frames file:///dev/full --policy block --frames 200 --kind noise >numbers || status=$?
    [ $status = 1 ] || fail "the sender ended with status $status instead of 1"
    grep -qi 'no space left' log || fail "the reason is not named: $(tail -n 1 log)"
}

for profile in lz4 raw; do
    check "recording-$profile" recording --profile $profile --bottom-up --padding 7 --kind mixed --size 641x363
done
check recording-sizes-change recording --size 320x240,16x16,900x33 --kind mixed
check recording-file-type recording_is_known_to_file
check recordings-concatenated recordings_together
check recording-disk-full recording_on_a_full_disk
