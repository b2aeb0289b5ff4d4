# What the interoperability checks share. Sourced by scripts/test-interop.sh, as are the files of checks
# beside it.
#
# A check is a function; `check NAME FUNCTION ARGUMENT...` runs it in a folder of its own, in a subshell where
# the first command that fails ends it. It ends early by `fail WHY` or `skip WHY`. What it starts in the
# background is killed when it ends.
#
# PREFIX is the installation, WORK a temporary folder, SOURCES this folder.

passed=0
failed=0
skipped=0

# Bounds one command, in seconds. In the foreground, so that it stays in the process group that clean_up
# kills.
limit() {
    timeout --foreground -k 2 "${LIMIT:-60}" "$@"
}

fail() {
    echo "$*" >why
    exit 1
}

skip() {
    echo "$*" >why
    exit 77
}

# Skips the check unless the programs are there.
need() {
    local program
    for program; do
        command -v "$program" >/dev/null || skip "'$program' is not installed"
    done
}

check() {
    local name=$1 folder=$WORK/$1 status why
    shift
    if [[ -n ${ONLY:-} && ! $name =~ $ONLY ]]; then return; fi
    mkdir -p "$folder"
    (
        cd "$folder" || exit
        set -e -m
        # Each background job is a process group of its own, which -KILL also ends when it is stopped.
        trap 'for job in $(jobs -p); do kill -KILL -- "-$job" 2>/dev/null || true; done' EXIT
        "$@"
    ) >"$folder/log" 2>&1 </dev/null
    status=$?
    why=$(head -n 1 "$folder/why" 2>/dev/null || grep . "$folder/log" | tail -n 1)
    case $status in
    0) passed=$((passed + 1)) && echo "ok $name" ;;
    77) skipped=$((skipped + 1)) && echo "skipped $name: $why" ;;
    *)
        failed=$((failed + 1))
        echo "FAILED $name: ${why:-a command failed} (status $status)"
        sed 's/^/    /' "$folder/log" | tail -n "${LOG_LINES:-8}"
        ;;
    esac
    # Frames take room; the log of what failed is printed above.
    rm -rf "$folder"
}

# await CONDITION...: until the command succeeds, at most 20 seconds.
await() {
    local tries=0
    until "$@" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 400 ] || fail "waited 20 seconds in vain for: $*"
        sleep 0.05
    done
}

# read_port FILE PATTERN: the number behind the first PATTERN in FILE, as soon as it is there; in `port`.
read_port() {
    await grep -q "$2[0-9][0-9]*\$" "$1"
    port=$(sed -n "s/.*$2\([0-9][0-9]*\)\$/\1/p" "$1" | head -n 1)
}

same() {
    [ -s "$1" ] || fail "there is nothing in $1"
    cmp "$1" "$2" || fail "$2 ($(wc -c <"$2") bytes) differs from $1 ($(wc -c <"$1") bytes)"
}

# await_end PID WHAT: waits for a background process, which must succeed.
await_end() {
    wait "$1" || fail "$2 ended with status $?"
}

# The value of NAME in a file of `name value` lines.
value() {
    sed -n "s/^$1 //p" "$2"
}

# nc listens and hands what it gets to lz4, which writes raw frames to FILE. Sets `port` and `reader`.
#   start_nc_lz4 FILE [OPTION OF NC...]
start_nc_lz4() {
    local out=$1
    shift
    rm -f nc.log
    limit nc -d -v "$@" -l 127.0.0.1 0 2>nc.log | limit lz4 -dc >"$out" 2>lz4.log &
    reader=$!
    read_port nc.log 'Listening on .* '
}

end_nc_lz4() {
    wait "$reader" || fail "lz4 -d: $(tail -n 1 lz4.log)"
}

source_frames() {
    limit "$BIN/frame_source" "$@"
}
