# Peers that are killed, stopped or gone without a word.

# How those connect that may be killed or stopped: see over_tls.
scheme=tcp
tls=()

# over_tls FUNCTION ARGUMENT…: with identities of both sides.
over_tls() {
    LD_LIBRARY_PATH=$PREFIX/lib "$PREFIX/bin/framewire" keygen keys --host 127.0.0.1 >identities
    scheme=tls
    tls=(--tls keys)
    "$@"
}

# The receiver is killed wherever it happens to be, and started again.
receiver_killed() {
    local round
    choose_port
    start_source "$scheme://127.0.0.1:$port" "${tls[@]}" --fps 120 --content runs --reconnect always --profile "$1" >source.log
    for round in 1 2 3 4; do
        start_sink "$scheme://127.0.0.1:$port" "${tls[@]}" >"sink$round.log"
        await_frames "sink$round.log" 1
        random 200
        sleep "$(printf 0.%03d $random)"
        kill -KILL $sink
        # The program ends with 1 by itself when a frame is wrong.
        wait $sink || [ $? = 137 ] || fail "fault_sink ended by itself in round $round"
    done
    start_sink "$scheme://127.0.0.1:$port" "${tls[@]}" >last.log
    await_frames last.log 10
    end_in_order $source fault_source
    end_in_order $sink fault_sink
    at_most "$(greatest_of source.log allocated)" 6 "frames in the sender's pool"
    at_most "$(greatest_of source.log fds)" 16 "descriptors of the sender"
}

# The sender is killed wherever it happens to be, and started again.
sender_killed() {
    local round
    choose_port
    start_sink "$scheme://127.0.0.1:$port" "${tls[@]}" >sink.log
    await_listening "$port"
    for round in 1 2 3 4; do
        start_source "$scheme://127.0.0.1:$port" "${tls[@]}" --content runs --profile "$1" >source.log
        await_frames sink.log 2
        random 200
        sleep "$(printf 0.%03d $random)"
        kill -KILL $source
        wait $source || [ $? = 137 ] || fail "fault_source ended by itself in round $round"
    done
    start_source "$scheme://127.0.0.1:$port" "${tls[@]}" --content runs --fps 60 --profile "$1" >source.log
    await_frames sink.log 30
    end_in_order $source fault_source
    end_in_order $sink fault_sink
    at_most "$(last_of sink.log fds)" 16 "descriptors of the receiver"
    at_most "$(last_of sink.log allocated)" 6 "frames in the receiver's pool"
}

# A receiver that does not read any more: the sender hands frames over as before and its memory stays as it was. When the receiver goes
# on, what it gets is soon as young as before.
receiver_stopped() {
    choose_port
    start_sink "$scheme://127.0.0.1:$port" "${tls[@]}" >sink.log
    await_listening "$port"
    start_source "$scheme://127.0.0.1:$port" "${tls[@]}" --fps 60 --size 480x360 >source.log
    await_frames sink.log 60
    local level
    level=$(memory_of $source)
    kill -STOP $sink
    sleep 3
    at_most "$(greatest_of source.log submit_us)" 500000 "the longest time of handing a frame over in us"
    at_most "$(greatest_of source.log allocated)" 6 "frames in the sender's pool"
    at_most $(($(memory_of $source) - level)) 4096 "growth of the sender's memory in KiB"
    at_least "$(last_of source.log dropped)" 100 "frames dropped by the sender"
    kill -CONT $sink
    await_frames sink.log 60
    end_in_order $source fault_source
    end_in_order $sink fault_sink
    newest_is_young sink.log
}

# A sender that says nothing for a while is no error while nobody has lost patience with it.
sender_stopped() {
    choose_port
    start_sink "tcp://127.0.0.1:$port" >sink.log
    await_listening "$port"
    start_source "tcp://127.0.0.1:$port" --fps 60 >source.log
    await_frames sink.log 30
    kill -STOP $source
    sleep 1
    kill -CONT $source
    await_frames sink.log 60
    end_in_order $source fault_source
    end_in_order $sink fault_sink
    at_most "$(last_of sink.log errors)" 0 "errors of the receiver"
    newest_is_young sink.log
}

# The receiver dies while the cable is out, so that its end of the connection never says goodbye; a new one takes its place.
receiver_vanishes() {
    start_sink tcp://10.77.0.2:4000 >first.log
    await_listening 4000
    start_source tcp://10.77.0.2:4000 --fps 60 >source.log
    await_frames first.log 30
    pull_cable
    kill -KILL $sink
    wait $sink || true
    sleep 1
    start_sink tcp://10.77.0.2:4000 >second.log
    plug_cable
    await_frames second.log 60
    end_in_order $source fault_source
    end_in_order $sink fault_sink
    newest_is_young second.log
    at_most "$(greatest_of source.log allocated)" 6 "frames in the sender's pool"
}

for profile in raw tile; do
    fault receiver-killed-$profile receiver_killed $profile
    fault sender-killed-$profile sender_killed $profile
done
fault receiver-stopped receiver_stopped
fault sender-stopped sender_stopped
fault receiver-killed-tls over_tls receiver_killed tile
fault sender-killed-tls over_tls sender_killed tile
fault receiver-stopped-tls over_tls receiver_stopped
fault_on_link receiver-vanishes receiver_vanishes
