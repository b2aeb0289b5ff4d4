# Readers that leave, stall or come back. The sender is not killed by a signal, does not hang and does not
# grow.

# fails_with STATUS PATTERN COMMAND...: the command's status and what it says.
fails_with() {
    local wanted=$1 pattern=$2 status=0
    shift 2
    "$@" >out 2>&1 || status=$?
    cat out
    [ $status = "$wanted" ] || fail "status $status instead of $wanted: $(tail -n 1 out)"
    grep -q "$pattern" out || fail "no '$pattern' in: $(tail -n 1 out)"
}

# nc that goes away once 300000 bytes have come.
start_leaving_reader() {
    limit nc -d -v -l 127.0.0.1 "${1:-0}" 2>nc.log | head -c 300000 >/dev/null &
    read_port nc.log 'Listening on .* '
}

# nc that accepts, or has the system accept for it, and never reads.
start_stalled_reader() {
    limit nc -d -v -l 127.0.0.1 0 2>nc.log >/dev/null &
    local reader=$!
    read_port nc.log 'Listening on .* '
    # The process group: `limit`, and nc under it.
    kill -STOP -- -$reader
}

reader_leaves_for_good() {
    need nc
    start_leaving_reader
    fails_with 1 'FW_ERROR_\(CLOSED\|CONNECTION\): .*127.0.0.1' \
        source_frames "tcp://127.0.0.1:$port" --policy block --reconnect never --size 640x480 --kind noise --frames 500
}

# By default the sender goes on, and what nobody takes is dropped.
reader_leaves_by_default() {
    need nc
    start_leaving_reader
    source_frames "tcp://127.0.0.1:$port" --size 640x480 --kind noise --frames 200 >numbers
    [ "$(value pushed numbers)" = 200 ] || fail "only $(value pushed numbers) frames were taken"
    [ "$(value dropped numbers)" -gt 150 ] || fail "$(value dropped numbers) frames were dropped with nobody there"
}

# The next reader gets a stream that stands by itself: whole frames, in order, up to the last.
reader_comes_back() {
    need nc lz4
    start_leaving_reader
    local first=$port
    limit "$BIN/frame_source" "tcp://127.0.0.1:$first" --policy block --size 640x480 --kind noise --frames 100 \
        --raw sent.raw >numbers &
    local sender=$!
    # The first nc must have left the port.
    wait %1 || true
    limit nc -d -v -l 127.0.0.1 "$first" 2>nc.log | limit lz4 -dc >received.raw 2>lz4.log &
    reader=$!
    await_end $sender frame_source
    end_nc_lz4
    limit "$BIN/frames_among" $((640 * 480 * 4)) sent.raw received.raw >among
    grep -q 'of 100, last 99$' among || fail "the second reader got: $(cat among)"
    # More than two when the system took a connection for the first nc while that was ending.
    [ "$(value connections numbers)" -ge 2 ] || fail "$(value connections numbers) connections"
}

# reader_stalls POLICY: 1.1 GB are handed over while the sender keeps no more than a few frames of 3.7 MB.
reader_stalls() {
    need nc
    start_stalled_reader
    source_frames "tcp://127.0.0.1:$port" --policy "$1" --profile raw --size 1280x720 --kind noise --frames 300 \
        >numbers
    [ "$(value pushed numbers)" = 300 ] || fail "only $(value pushed numbers) frames were taken"
    [ "$(value dropped numbers)" -ge 280 ] || fail "only $(value dropped numbers) frames were dropped"
    [ "$(value allocated numbers)" -le 10 ] || fail "$(value allocated numbers) frames were allocated"
    [ "$(value peak_kib numbers)" -lt 98304 ] || fail "$(value peak_kib numbers) KiB of memory were in use"
}

blocked_sender_gives_up() {
    need nc
    start_stalled_reader
    fails_with 1 FW_ERROR_TIMEOUT \
        source_frames "tcp://127.0.0.1:$port" --policy block --block-timeout 1 --size 1280x720 --kind noise --frames 300
}

nobody_listens() {
    # A port that was just given up has nobody behind it.
    limit "$BIN/frame_sink" tcp://127.0.0.1:0 /dev/null --timeout 0 --port-file port || true
    fails_with 1 'FW_ERROR_CONNECTION: .*refused' source_frames "tcp://127.0.0.1:$(cat port)"
}

port_is_taken() {
    need nc
    limit nc -d -v -l 127.0.0.1 0 2>nc.log >/dev/null &
    read_port nc.log 'Listening on .* '
    fails_with 1 'FW_ERROR_ADDRESS: .*in use' limit "$BIN/frame_sink" "tcp://127.0.0.1:$port" /dev/null
}

check reader-leaves-for-good reader_leaves_for_good
check reader-leaves-by-default reader_leaves_by_default
check reader-comes-back reader_comes_back
check reader-stalls-drop-oldest reader_stalls drop-oldest
check reader-stalls-drop-newest reader_stalls drop-newest
check reader-stalls-block-timeout blocked_sender_gives_up
check nobody-listens nobody_listens
check port-in-use port_is_taken
