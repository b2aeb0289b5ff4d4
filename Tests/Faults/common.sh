# What the fault tests share. Sourced by scripts/test-faults.sh after scripts/link.sh and Tests/Interop/common.sh, whose `check` runs
# each. Only the rate of a link and what happens to it are under test, so the programs of both sides run on this machine.

# Whether namespaces with a link of limited rate can be made here; why not, in `no_link`.
look_for_links() {
    no_link=
    local complaint
    if ! command -v ip >/dev/null || ! command -v tc >/dev/null; then
        no_link="'ip' and 'tc' of iproute2 are not installed"
    elif ! complaint=$(make_link 2>&1); then
        no_link="network namespaces with a veth pair are not permitted here: ${complaint##*$'\n'}"
    elif ! complaint=$(limit_rate 100mbit 2>&1); then
        no_link="this kernel has no token bucket filter: ${complaint##*$'\n'}"
    fi
    remove_link
}

# The cable is pulled where neither side sees it, beyond a switch: frames go to an address that nobody has.
pull_cable() {
    ip -n "$A" neighbour replace 10.77.0.2 lladdr 02:00:00:00:00:01 dev veth0 nud permanent
    ip -n "$B" neighbour replace 10.77.0.1 lladdr 02:00:00:00:00:01 dev veth0 nud permanent
}

plug_cable() {
    ip -n "$A" neighbour delete 10.77.0.2 dev veth0
    ip -n "$B" neighbour delete 10.77.0.1 dev veth0
}

# in_a COMMAND…, in_b COMMAND…: runs it on that side of the link.
in_a() {
    ip netns exec "$A" "$@"
}

in_b() {
    ip netns exec "$B" "$@"
}

# The programs in the background, on their side of the link if the test has one: sets `source` or `sink`, the process id of the
# program itself, so that signals reach it.
start_source() {
    exec_on "$A" "$BIN/fault_source" "$@" &
    source=$!
}

start_sink() {
    exec_on "$B" "$BIN/fault_sink" "$@" &
    sink=$!
}

exec_on() {
    if [ -n "${linked:-}" ]; then exec ip netns exec "$@"; fi
    shift
    exec "$@"
}

# Whether something listens on port $1, at B or on this machine; for IPv4.
listens() {
    exec_on "$B" grep -q "$(printf ':%04X .* 0A ' "$1")" /proc/net/tcp
}

await_listening() {
    await eval "(listens $1)"
}

# A port on this machine that nothing listens on, below those that connections get by themselves; in `port`.
choose_port() {
    random 10000
    port=$((20000 + random))
    while (listens $port); do port=$((port + 1)); done
}

# fault NAME FUNCTION ARGUMENT…: one test, and what it had to say.
fault() {
    local began=$SECONDS
    rm -f "$WORK/figures"
    check "$@"
    [ -z "${TIMES:-}" ] || echo "    $((SECONDS - began)) s"
    [ ! -e "$WORK/figures" ] || sed 's/^/    /' "$WORK/figures"
}

# figure SENTENCE: printed below the result of the test.
figure() {
    echo "$*" >>"$WORK/figures"
}

# fault_on_link NAME FUNCTION ARGUMENT…: one test that needs the link.
fault_on_link() {
    fault "$1" on_link "${@:2}"
    remove_link
}

on_link() {
    [ -z "$no_link" ] || skip "$no_link"
    linked=yes
    make_link
    "$@"
}

# A number from 0 to $1 - 1. The seed is printed at the start; FRAMEWIRE_SEED repeats it.
random() {
    random=$((RANDOM % $1))
}

# The frames that a sink has had so far.
frames_in() {
    grep -c '^frame' "$1" || true
}

# more_frames LOG COUNT: whether there are more than COUNT.
more_frames() {
    [ "$(frames_in "$1")" -gt "$2" ]
}

# await_frames LOG COUNT: until COUNT more than now have come.
await_frames() {
    await more_frames "$1" $(($(frames_in "$1") + $2 - 1))
}

# last_of LOG NAME: the number behind NAME in the last line that has one.
last_of() {
    awk -v name="$2" '{ for (i = 1; i < NF; i++) if ($i == name) value = $(i + 1) } END { print value + 0 }' "$1"
}

# greatest_of LOG NAME [LINE]: the greatest number behind NAME, from line LINE on.
greatest_of() {
    awk -v name="$2" -v first="${3:-1}" \
        'NR >= first { for (i = 1; i < NF; i++) if ($i == name && $(i + 1) + 0 > value) value = $(i + 1) + 0 }
         END { print value + 0 }' "$1"
}

# end_in_order PID WHAT: asks a program to end, which must succeed.
end_in_order() {
    kill -TERM "$1"
    await_end "$1" "$2"
}

# at_most VALUE LIMIT WHAT
at_most() {
    [ "$1" -le "$2" ] || fail "$3: $1 is more than $2"
}

at_least() {
    [ "$1" -ge "$2" ] || fail "$3: $1 is less than $2"
}

# After a disturbance the newest frame is as young as before it: nothing that had waited is still in the way.
newest_is_young() {
    at_most "$(last_of "$1" age_us)" 500000 "age of the last frame in us"
}

# The memory of a process now, in KiB.
memory_of() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}

# A test that is a program: what it prints is said.
run_program() {
    LIMIT=100 limit "$BIN/$1" "${@:2}" >numbers || fail "$1: $(tail -n 1 log)"
    figure "$(cat numbers)"
}
