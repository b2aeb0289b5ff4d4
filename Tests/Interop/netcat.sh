# A sender into `nc` and stock `lz4 -d` gives the raw frames, byte for byte.

# into_netcat OPTION...: the sender connects.
into_netcat() {
    need nc lz4
    start_nc_lz4 received.raw
    source_frames "tcp://127.0.0.1:$port" --policy block --raw sent.raw "$@"
    end_nc_lz4
    same sent.raw received.raw
}

# The library's defaults: frames may be dropped, but those that come are whole and in order, and the last
# always comes.
into_netcat_by_default() {
    need nc lz4
    start_nc_lz4 received.raw
    source_frames "tcp://127.0.0.1:$port" --size 640x480 --frames 120 --kind mixed --raw sent.raw
    end_nc_lz4
    limit "$BIN/frames_among" $((640 * 480 * 4)) sent.raw received.raw >among || fail "$(tail -n 1 log)"
    grep -q 'of 120, last 119$' among || fail "the last frame did not come: $(cat among)"
}

# The sender listens and nc connects.
netcat_connects() {
    need nc lz4
    limit "$BIN/frame_source" 'tcp://127.0.0.1:0?listen=1' --policy block --raw sent.raw --port-file port "$@" &
    local sender=$!
    await test -s port
    limit nc -d 127.0.0.1 "$(cat port)" | limit lz4 -dc >received.raw
    await_end $sender frame_source
    same sent.raw received.raw
}

into_netcat_over_ipv6() {
    need nc lz4
    grep -q 00000000000000000000000000000001 /proc/net/if_inet6 || skip "there is no IPv6 loopback here"
    limit nc -6 -d -v -l ::1 0 2>nc.log | limit lz4 -dc >received.raw &
    local reader=$!
    read_port nc.log 'Listening on .* '
    source_frames "tcp://[::1]:$port" --policy block --raw sent.raw
    await_end $reader 'lz4 -d'
    same sent.raw received.raw
}

into_netcat_over_unix() {
    need nc lz4
    limit nc -d -l -U socket | limit lz4 -dc >received.raw &
    local reader=$!
    await test -S socket
    source_frames "unix://$PWD/socket" --policy block --raw sent.raw
    await_end $reader 'lz4 -d'
    same sent.raw received.raw
}

for profile in lz4 raw; do
    for padding in 0 52; do
        common="--profile $profile --padding $padding --kind mixed --size 321x243"
        # shellcheck disable=SC2086 -- several options
        check "netcat-$profile-top-down-padding-$padding" into_netcat $common
        # shellcheck disable=SC2086
        check "netcat-$profile-bottom-up-padding-$padding" into_netcat $common --bottom-up
    done
done
for kind in smooth noise text; do
    check "netcat-$kind" into_netcat --kind $kind --size 1280x720 --frames 8
done
for format in bgra8 rgb8 bgr8 r8 rgba16 nv12 i420; do
    check "netcat-$format" into_netcat --format $format --bottom-up --padding 13 --size 317x181 --kind mixed
done
for way in submit wrapped buffer; do
    check "netcat-$way" into_netcat --by $way --bottom-up --padding 20 --size 640x360 --kind mixed
done
check netcat-sizes-change into_netcat --size 320x240,1x1,1023x67,5x900 --frames 12 --kind mixed
check netcat-sizes-change-raw into_netcat --size 320x240,1x1,1023x67,5x900 --frames 12 --profile raw --bottom-up
check netcat-default-options into_netcat_by_default
check netcat-connects-lz4 netcat_connects --profile lz4 --bottom-up --size 640x360 --kind mixed
check netcat-connects-raw netcat_connects --profile raw --bottom-up --size 640x360
check netcat-ipv6 into_netcat_over_ipv6
check netcat-unix-socket into_netcat_over_unix
