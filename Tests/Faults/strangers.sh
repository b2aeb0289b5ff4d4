# Strangers on the port, and connections without number.

# stranger KIND COUNT [served]
stranger() {
    "$BIN/stranger" 127.0.0.1 "$port" "$1" "$2" "$SEED" "${@:3}"
}

# Nothing that comes to a receiver's port keeps it from the next sender, costs descriptors, or grows it.
strangers_at_receiver() {
    local kind round level
    choose_port
    start_sink "tcp://127.0.0.1:$port" >sink.log 2>sink.complaints
    await_listening "$port"
    for round in 1 2; do
        for kind in nothing reset cut random http tls huge zeros; do
            stranger $kind 10
        done
        [ $round = 2 ] || level=$(memory_of $sink)
    done
    at_most $(($(memory_of $sink) - level)) 4096 "growth of the receiver's memory in KiB"
    start_source "tcp://127.0.0.1:$port" --fps 60 --content runs >source.log
    await_frames sink.log 30
    end_in_order $source fault_source
    end_in_order $sink fault_sink
    at_least "$(last_of sink.log errors)" 60 "errors that the receiver counted"
    at_most "$(last_of sink.log fds)" 16 "descriptors of the receiver"
}

# The same at a sender that listens.
strangers_at_sender() {
    local kind
    choose_port
    start_source "tcp://127.0.0.1:$port?listen=1" --fps 60 --content runs >source.log 2>source.complaints
    await_listening "$port"
    for kind in nothing reset random http tls huge zeros; do
        stranger $kind 3 served
    done
    start_sink "tcp://127.0.0.1:$port?connect=1" >sink.log
    await_frames sink.log 30
    end_in_order $sink fault_sink
    end_in_order $source fault_source
    at_most "$(last_of source.log fds)" 16 "descriptors of the sender"
    at_most "$(greatest_of source.log allocated)" 6 "frames in the sender's pool"
}

# Frames beyond the receiver's limit are refused by a sentence that names it, from a program that does not listen to what the receiver
# takes; a sender of the library's does not send them; and one within the limits is served.
limits_hit() {
    need nc
    choose_port
    start_sink "tcp://127.0.0.1:$port" --max-size 128x128 >sink.log 2>sink.complaints
    await_listening "$port"
    "$BIN/fault_source" "file://$PWD/recording" --frames 3 >recorded.log
    limit nc -N 127.0.0.1 "$port" <recording >answers || true
    await grep -q '128' sink.complaints
    start_source "tcp://127.0.0.1:$port" --fps 60 >too-large.log 2>too-large.complaints
    sleep 1
    at_most "$(frames_in sink.log)" 0 "frames beyond the limit that were delivered"
    kill -TERM $source
    wait $source || true
    at_most "$(last_of too-large.log connections)" 60 "attempts to send what is refused, within a second"
    start_source "tcp://127.0.0.1:$port" --fps 60 --size 128x128 >source.log
    await_frames sink.log 30
    end_in_order $source fault_source
    end_in_order $sink fault_sink
    at_most "$(last_of sink.log peak_kib)" 32768 "the receiver's memory in KiB"
}

fault strangers-at-receiver strangers_at_receiver
fault strangers-at-sender strangers_at_sender
fault limits-hit limits_hit
fault thousand-connections run_program thousand_connections
