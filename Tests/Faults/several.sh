# Several peers at once, patience and its limits.

# events LOG NAME: how many there are.
events() {
    grep -c "^event $2 " "$1" || true
}

has_event() {
    [ "$(events "$1" "$2")" -ge "$3" ]
}

# at_ns LOG NAME: when the first one was.
at_ns() {
    awk -v name="$2" '$1 == "event" && $2 == name { print $6; exit }' "$1"
}

# Nobody sees the cable go: both sides notice by silence, within the time that was set, and come together again when it is back.
cable_pulled() {
    local patience=1500 pulled side waited
    start_sink tcp://10.77.0.2:4000 --idle-timeout $patience >sink.log
    await_listening 4000
    start_source tcp://10.77.0.2:4000 --fps 60 --idle-timeout $patience --reconnect always --profile tile >source.log
    await_frames sink.log 30
    pulled=$(date +%s%N)
    pull_cable
    for side in source sink; do
        await has_event $side.log lost 1
        waited=$((($(at_ns $side.log lost) - pulled) / 1000000))
        figure "$side noticed after $waited ms"
        # Not before: a pause is no loss. The last word came some time before.
        at_least $waited $((patience / 2)) "time in ms until the $side lost patience"
        at_most $waited $((patience + 5000)) "time in ms until the $side noticed"
    done
    plug_cable
    await_frames sink.log 60
    end_in_order $source fault_source
    end_in_order $sink fault_sink
    newest_is_young sink.log
}

# The same with a reader that never says a word: what its machine no longer confirms tells.
cable_pulled_from_netcat() {
    need nc
    exec_on "$B" nc -d -l -p 4000 >/dev/null &
    await_listening 4000
    start_source tcp://10.77.0.2:4000 --fps 60 --idle-timeout 1500 --reconnect always >source.log
    await has_event source.log connected 1
    # It reads and is silent, which is no reason to leave it.
    sleep 2
    [ "$(events source.log lost)" = 0 ] || fail "a reader that takes all it is sent was given up: $(grep lost source.log)"
    pull_cable
    await has_event source.log lost 1
    kill -TERM $source
    wait $source || true
}

# The sender dies while the cable is out; the next one is served at once, though the receiver has not heard that the first is gone.
sender_vanishes() {
    start_sink tcp://10.77.0.2:4000 --idle-timeout 2000 >sink.log
    await_listening 4000
    start_source tcp://10.77.0.2:4000 --fps 60 >first.log
    await_frames sink.log 30
    pull_cable
    kill -KILL $source
    wait $source || true
    plug_cable
    start_source tcp://10.77.0.2:4000 --fps 60 >second.log
    await_frames sink.log 60
    await has_event sink.log lost 1
    await_frames sink.log 30
    end_in_order $source fault_source
    end_in_order $sink fault_sink
    newest_is_young sink.log
}

# Connections that feed the receiver a byte now and then do not keep others from being served, and are given up.
slow_senders() {
    choose_port
    start_sink "tcp://127.0.0.1:$port" --idle-timeout 2000 >sink.log
    await_listening "$port"
    "$BIN/stranger" 127.0.0.1 "$port" slow 8 "$SEED" >slow.log &
    local slow=$!
    await grep -q connected slow.log
    start_source "tcp://127.0.0.1:$port" --fps 60 --content runs >source.log
    await_frames sink.log 60
    newest_is_young sink.log
    await has_event sink.log lost 8
    await_frames sink.log 60
    kill -KILL $slow
    end_in_order $source fault_source
    end_in_order $sink fault_sink
}

# No more senders than the limit says: those that are there go on, and a place that becomes free is given away.
senders_limit() {
    choose_port
    start_sink "tcp://127.0.0.1:$port" --max-peers 2 >sink.log
    await_listening "$port"
    local first second
    start_source "tcp://127.0.0.1:$port" --fps 30 >first.log
    first=$source
    await_frames sink.log 5
    start_source "tcp://127.0.0.1:$port" --fps 30 >second.log
    second=$source
    await from_sources sink.log 2
    start_source "tcp://127.0.0.1:$port" --fps 30 --reconnect always >third.log
    await has_event third.log lost 2
    [ "$(sources_in sink.log)" = 2 ] || fail "a third sender was served"
    await_frames sink.log 10
    end_in_order $first "the first fault_source"
    await from_sources sink.log 3
    end_in_order $second "the second fault_source"
    end_in_order $source "the third fault_source"
    end_in_order $sink fault_sink
    at_least "$(last_of sink.log refused)" 2 "connections refused"
}

sources_in() {
    awk '$1 == "frame" { print $8 }' "$1" | sort -u | wc -l
}

from_sources() {
    [ "$(sources_in "$1")" -ge "$2" ]
}

# frames_of LOG PROCESS: how many came from it.
frames_of() {
    awk -v process="$2" '$1 == "frame" && $8 == process' "$1" | wc -l
}

more_frames_of() {
    [ "$(frames_of "$1" "$2")" -gt "$3" ]
}

# Of three senders one stops in the middle, perhaps of a frame: the others go on, and it too when it wakes up.
one_sender_stopped() {
    choose_port
    start_sink "tcp://127.0.0.1:$port" --idle-timeout 20000 >sink.log
    await_listening "$port"
    local number stopped sources=()
    for number in 1 2 3; do
        start_source "tcp://127.0.0.1:$port" --fps 60 --content runs >source$number.log
        sources+=($source)
    done
    await from_sources sink.log 3
    stopped=${sources[0]}
    random 300
    sleep "$(printf 0.%03d $random)"
    kill -STOP "$stopped"
    sleep 0.2
    for number in 1 2; do
        await more_frames_of sink.log "${sources[number]}" $(($(frames_of sink.log "${sources[number]}") + 90))
    done
    kill -CONT "$stopped"
    await more_frames_of sink.log "$stopped" $(($(frames_of sink.log "$stopped") + 60))
    newest_is_young sink.log
    for source in "${sources[@]}"; do end_in_order "$source" fault_source; done
    end_in_order $sink fault_sink
    at_most "$(last_of sink.log errors)" 0 "errors of the receiver"
}

# p99_ms LOG FIRST LAST: of the ages of those frames of LOG.
p99_ms() {
    awk '$1 == "frame" { print $4 / 1000 }' "$1" | sed -n "$2,$3p" | sort -n |
        awk '{ age[NR] = $1 } END { print age[int(NR * 0.99)] }'
}

# missed LOG FIRST LAST: how many of the source's pictures between those frames of LOG did not come.
missed() {
    awk '$1 == "frame" { print $2 }' "$1" | awk -v first="$2" -v last="$3" \
        'NR == first { from = $1 } NR == last { print $1 - from - (last - first) }'
}

# Of three receivers one stops: what the others get is as young as before, and the sender's memory and queues stay as they are.
one_receiver_stopped() {
    choose_port
    start_source "tcp://127.0.0.1:$port?listen=1" --fps 60 --idle-timeout 20000 --content runs --profile "$1" >source.log
    await_listening "$port"
    local number before after level sinks=()
    for number in 1 2 3; do
        start_sink "tcp://127.0.0.1:$port?connect=1" --idle-timeout 20000 >sink$number.log
        sinks+=($sink)
        # Each joins while the stream is running, and must get a key frame first.
        await_frames sink$number.log 20
    done
    await_frames sink1.log 120
    before=$(frames_in sink1.log)
    level=$(memory_of $source)
    kill -STOP "${sinks[2]}"
    await_frames sink1.log 150
    await_frames sink2.log 10
    after=$(frames_in sink1.log)
    figure "p99 of the age at another receiver: $(p99_ms sink1.log $((before - 100)) "$before") ms, while one is stopped" \
        "$(p99_ms sink1.log $((after - 100)) "$after") ms; $(missed sink1.log "$before" "$after") of $((after - before)) missed"
    # A busy machine may cost a few. Those who waited for the one that is stopped would get hardly any.
    at_most "$(missed sink1.log "$before" "$after")" $(((after - before) / 2)) "frames that another receiver missed meanwhile"
    at_most $(($(memory_of $source) - level)) 4096 "growth of the sender's memory in KiB"
    at_most "$(greatest_of source.log queue)" 2 "frames waiting for a receiver"
    newest_is_young sink1.log
    newest_is_young sink2.log
    at_most "$(greatest_of source.log submit_us)" 500000 "the longest time of handing a frame over in us"
    kill -CONT "${sinks[2]}"
    await_frames sink3.log 60
    newest_is_young sink3.log
    for sink in "${sinks[@]}"; do end_in_order "$sink" fault_sink; done
    end_in_order $source fault_source
    at_most "$(greatest_of source.log allocated)" 16 "frames in the sender's pool"
}

# A receiver that has stopped for longer than the sender's patience is given up; the sender has room for others.
stopped_for_good() {
    choose_port
    start_source "tcp://127.0.0.1:$port?listen=1" --fps 60 --idle-timeout 1000 --max-peers 1 --content runs >source.log
    await_listening "$port"
    start_sink "tcp://127.0.0.1:$port?connect=1" >first.log
    await_frames first.log 30
    kill -STOP $sink
    await has_event source.log lost 1
    start_sink "tcp://127.0.0.1:$port?connect=1" --reconnect always >second.log
    await_frames second.log 30
    newest_is_young second.log
    end_in_order $sink fault_sink
    end_in_order $source fault_source
}

fault_on_link cable-pulled cable_pulled
fault_on_link cable-pulled-from-netcat cable_pulled_from_netcat
fault_on_link sender-vanishes sender_vanishes
fault slow-senders slow_senders
fault senders-limit senders_limit
fault one-sender-stopped one_sender_stopped
fault one-receiver-stopped-raw one_receiver_stopped raw
fault one-receiver-stopped-tile one_receiver_stopped tile
fault stopped-for-good stopped_for_good
