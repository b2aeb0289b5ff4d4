#!/bin/bash
# Captures programs that know nothing of Framewire by `framewire capture`: glxgears, es2gears, es2tri and glxheads of mesa-utils, and
# Tests/Capture/windows.c, whose pictures are known and compared pixel by pixel.
#
#   scripts/test-capture.sh [PREFIX]       PREFIX: where Framewire was installed; else where pkg-config finds it
#
# One line per check and a count at the end; the exit status says whether all passed. It starts an X server of its own (Xvfb), where
# Mesa's software renderer draws. ONLY=REGEX chooses checks by name.
set -u
export LC_ALL=C
cd "$(dirname "$0")/.."

prefix=$(readlink -f "${1:-$(pkg-config --variable=prefix framewire)}")
command=$prefix/bin/framewire
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib" LIBGL_ALWAYS_SOFTWARE=1
for needed in Xvfb glxgears es2gears_x11 es2tri glxheads xwdtopnm; do
    command -v $needed >/dev/null || { echo "test-capture: there is no $needed; run 'make packages'" >&2; exit 2; }
done

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill $server; wait; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
passed=0
failed=0

mkdir "$work/screen"
Xvfb -displayfd 3 -screen 0 1024x768x24 -fbdir "$work/screen" +extension GLX -nolisten tcp 3>"$work/display" 2>"$work/xvfb.log" &
server=$!
while [ ! -s "$work/display" ]; do
    kill -0 $server 2>/dev/null || { cat "$work/xvfb.log" >&2; exit 2; }
    sleep 0.02
done
DISPLAY=:$(cat "$work/display")
export DISPLAY

# shellcheck disable=SC2046 -- one word per flag
gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -O1 Tests/Capture/sink.c -o "$work/sink" $(pkg-config --cflags --libs framewire) || exit 1
gcc -std=gnu11 -Wall -Wextra -Werror -O1 Tests/Capture/windows.c -o "$work/loaded" -lX11 -pthread || exit 1
gcc -std=gnu11 -Wall -Wextra -Werror -O1 -DLINKED Tests/Capture/windows.c -o "$work/linked" -lX11 -lGL -lEGL -pthread || exit 1
gcc -std=gnu11 -Wall -Wextra -Werror -O1 -shared -fPIC Tests/Capture/between.c -o "$work/between.so" || exit 1

# check NAME COMMAND…: runs it in a folder of its own, and notes how it went.
check() {
    local name=$1 log=$work/log
    shift
    [[ $name =~ ${ONLY:-} ]] || return 0
    rm -rf "$work/here"
    mkdir "$work/here"
    ln -s "$PWD/packaging" "$work/here"
    if (cd "$work/here" && "$@") >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
        sed 's/^/        /' "$log"
    fi
    jobs -p | grep -vx $server | xargs -r kill 2>/dev/null
    return 0
}

fail() {
    echo "$*"
    return 1
}

await() {
    while [ ! -s "$1" ]; do sleep 0.02; done
}

capture() {
    timeout --kill-after=5 60 "$command" capture "$@"
}

# sinks COMMAND…: runs it with a receiver at $port, and leaves what that says in the file `received`.
sinks() {
    local receiver status=0
    timeout 60 "$work/sink" port >received 2>&1 &
    receiver=$!
    await port
    port=$(cat port)
    "$@" || status=$?
    wait $receiver || { cat received; return 1; }
    return $status
}

# pictures 'EXPECTED' PROGRAM ARGUMENTS…: what is received of a program that Framewire waits for, no frame of which is lost.
pictures() {
    local expected=$1 program=$work/$2
    shift 2
    sinks run_exactly "$program" "$@" || return 1
    sed 's/^stream [0-9]* //' received | sort >sorted
    diff -u <(printf '%s\n' "$expected") sorted
}
run_exactly() {
    capture --to "tcp://127.0.0.1:$port" --wait --policy block -- "$@"
}

# What the preloaded library shows and needs.
library=$prefix/lib/framewire/libframewire-capture.so
slender() {
    sed -n 's/^ *\([A-Za-z]*\);$/\1/p' packaging/capture.map | grep -vx local | sort >wanted
    nm -D --defined-only "$library" | awk '{ print $3 }' | sort | diff -u wanted - || return
    ! readelf --dynamic --wide "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' |
        grep -vE '^(libc\.so\.6|libm\.so\.6|liblz4\.so\.1|ld-linux-[a-z0-9-]*\.so\.[0-9])$'
}
check "what the library shows and needs" slender

one='window 1 frames 20 from 0 to 19 gaps 0 sizes 320x240'
two="$one
window 2 frames 20 from 0 to 19 gaps 0 sizes 304x248"
resized='window 1 frames 20 from 0 to 19 gaps 0 sizes 320x240 403x181
window 2 frames 20 from 0 to 19 gaps 0 sizes 304x248 383x187'
check "GLX, linked" pictures "$one" linked
check "GLX, loaded by dlopen and dlsym" pictures "$one" loaded
check "GLX, looked up by glXGetProcAddress" pictures "$one" loaded lookup=proc
check "GLX, glXSwapBuffersMscOML" pictures "$one" linked swap=msc
check "GLX, four samples a pixel" pictures "$one" linked samples=4
check "GLX, two windows and contexts" pictures "$two" loaded windows=2
check "GLX, two windows of one context" pictures "$two" linked windows=2 contexts=one
check "GLX, two windows that are resized" pictures "$resized" linked windows=2 resize=9
check "GLX, contexts that are destroyed and made again" pictures "${two//20 from 0 to 19/80 from 0 to 79}" \
    loaded windows=2 again=4 end=destroy
check "GLX, a display that is closed with the context current" pictures "$one" linked end=close
check "EGL, OpenGL" pictures "$one" linked api=egl
check "EGL, OpenGL ES loaded by dlopen" pictures "$one" loaded api=es
check "EGL, eglSwapBuffersWithDamageKHR by eglGetProcAddress" pictures "$one" loaded api=es lookup=proc swap=damage
check "EGL, four samples a pixel" pictures "$one" linked api=es samples=4
check "EGL, three threads, each with a window that is resized" pictures "$resized
window 3 frames 20 from 0 to 19 gaps 0 sizes 288x256 363x193" linked api=es windows=3 contexts=threads resize=5
check "EGL, contexts that are made again, and eglTerminate" pictures "${two//20 from 0 to 19/60 from 0 to 59}" \
    linked api=es windows=2 again=3 end=terminate
check "exit with a context that is current" pictures "$one" linked end=exit
check "a program that forks" pictures "$one" loaded fork=1 end=exit

# The program's output, exit code and signals are its own, with a receiver and without one.
same() {
    local status=0 captured=0
    "$work/linked" "$@" >out 2>err || status=$?
    "$command" capture -- "$work/linked" "$@" >captured.out 2>captured.err || captured=$?
    [ $status = $captured ] || { fail "the exit code is $captured without a receiver, not $status"; return; }
    cmp out captured.out && cmp err captured.err || return
    sinks run_with_receiver "$@" || captured=$?
    [ $status = $captured ] || { fail "the exit code is $captured with a receiver, not $status"; return; }
    cmp out captured.out && cmp err captured.err
}
run_with_receiver() {
    # No function: the shell would say there what ended it.
    "$command" capture --to "tcp://127.0.0.1:$port" --wait -- "$work/linked" "$@" >captured.out 2>captured.err
}
check "exit code 7" same end=exit code=7
check "_exit with code 5" same end=_exit code=5
check "SIGTERM" same end=15
check "SIGKILL" same api=es end=9

# A launch script: what it starts is captured.
launched() {
    local status=0
    sinks run_script || status=$?
    [ $status = 3 ] || { fail "the exit code is $status, not 3"; return; }
    grep -q ' window 1 frames 20 ' received
}
run_script() {
    capture --to "tcp://127.0.0.1:$port" --wait --policy block -- sh -c "ls / >/dev/null; '$work/linked'; exit 3"
}
check "a program that a script starts" launched

# Another preloaded library, which looks for the next function.
preloaded() {
    sinks run_preloaded >out || return
    grep -qx '20 swaps' out && grep -q ' window 1 frames 20 ' received || { cat out received; return 1; }
}
run_preloaded() {
    LD_PRELOAD=$work/between.so capture --to "tcp://127.0.0.1:$port" --wait --policy block -- "$work/linked"
}
check "another library that is preloaded" preloaded

recorded() {
    "$command" capture --to "file://$PWD/recording" -- "$work/loaded" windows=2 || return
    "$command" receive "file://$PWD/recording" --json >json || return
    grep -q '"delivered": 40' json || { cat json; return 1; }
}
check "into a file" recorded

rate() {
    sinks run_slowly || return
    grep -q 'frames 1 from 0 to 0 ' received || { cat received; return 1; }
}
run_slowly() {
    capture --to "tcp://127.0.0.1:$port" --wait --policy block --fps 0.005 -- "$work/linked"
}
check "one frame in 200 seconds" rate

# Receivers come and go.
again() {
    local program
    "$command" receive 'tcp://127.0.0.1:0' --frames 5 --ready-file port --once >first 2>&1 &
    await port
    timeout 60 "$command" capture --to "tcp://127.0.0.1:$(cat port)" --wait -- "$work/linked" frames=60000 pause=5 2>/dev/null &
    program=$!
    wait %1 && "$command" receive "tcp://127.0.0.1:$(cat port)" --frames 5 --timeout 30 || return
    kill $program
}
check "a receiver that leaves, and another one" again

# A receiver that reads nothing costs a program that ends a moment.
stopped() {
    local receiver status=0
    "$work/sink" port >/dev/null 2>&1 &
    receiver=$!
    await port
    kill -STOP $receiver
    timeout 15 "$command" capture --to "tcp://127.0.0.1:$(cat port)" --wait --profile raw -- \
        "$work/linked" windows=2 frames=60 again=2 end=destroy || status=$?
    kill -KILL $receiver
    return $status
}
check "a receiver that reads nothing" stopped

# Programs that nobody here wrote. A picture is worth something when it has colours, and another one follows.
alive() {
    local receiver
    "$command" receive 'tcp://127.0.0.1:0' --output '%03d.ppm' --frames "$frames" --ready-file port --timeout 30 >report 2>&1 &
    receiver=$!
    await port
    capture --to "tcp://127.0.0.1:$(cat port)" -- "$@" >/dev/null &
    wait $receiver || { cat report; return 1; }
    kill %2
    [ "$(pnmfile ./*.ppm | grep -c '300 by 300')" = "$frames" ] || { pnmfile ./*.ppm; return 1; }
    [ "$(ppmhist -noheader "00$((frames - 1)).ppm" | wc -l)" -gt 50 ] || { fail "too few colours"; return; }
    [ "$(cat ./*.ppm | wc -c)" -gt 0 ] && ! cmp -s 000.ppm "00$((frames - 1)).ppm"
}
frames=9 check "glxgears" alive glxgears
frames=9 check "glxgears, four samples a pixel" alive glxgears -samples 4
frames=9 check "es2gears_x11" alive es2gears_x11

# Two displays, contexts and windows in one program: each a stream.
heads() {
    "$command" capture --to "file://$PWD/recording" -- timeout 2 glxheads "$DISPLAY" "$DISPLAY" >/dev/null
    "$command" inspect "file://$PWD/recording" >messages || true
    grep 'frame' messages | grep -vq 'stream' && grep -q 'stream 1' messages || { head messages; return 1; }
}
check "glxheads" heads

# What comes of a program that draws one picture is what X shows.
shown() {
    local receiver
    "$command" receive 'tcp://127.0.0.1:0' --output picture.ppm --frames 1 --ready-file port --timeout 30 >report 2>&1 &
    receiver=$!
    await port
    capture --to "tcp://127.0.0.1:$(cat port)" --wait -- es2tri >/dev/null &
    wait $receiver || { cat report; return 1; }
    xwdtopnm "$work/screen/Xvfb_screen0" 2>/dev/null | pnmcut 0 0 300 300 >shown.ppm
    kill %2
    [ "$(ppmhist -noheader picture.ppm | wc -l)" -gt 50 ] || { fail "too few colours"; return; }
    cmp picture.ppm shown.ppm
}
check "es2tri, and what the screen shows" shown

# What cannot be.
refused() {
    local wanted=$1 text=$2 status=0
    shift 2
    "$command" capture "$@" >out 2>err || status=$?
    [ $status = "$wanted" ] && grep -q -- "$text" err || { echo "exit code $status"; cat err; return 1; }
}
static() {
    echo 'int main(void) { return 0; }' >static.c
    gcc -static static.c -o static || return 0
    refused 1 'statically linked' -- ./static
}
check "a program that is not there" refused 127 'No such file' -- ./nothing
check "a file that cannot be run" refused 126 'ermission' -- /etc/passwd
check "a static program" static
check "no program" refused 2 'program' --
check "an option that is none" refused 2 'no option --nothing' --nothing
check "a URL that is none" refused 1 'nowhere' --to nowhere -- true
FRAMEWIRE_CAPTURE_LIBRARY=/nowhere.so check "a library that is not there" refused 1 '/nowhere.so' -- true

# Windows, contexts and sizes that change, looked at by valgrind; what it says of other libraries is theirs.
examined() {
    sinks run_examined 2>errors || { cat errors; return 1; }
    ! grep -A 20 -B 20 libframewire errors
}
run_examined() {
    LP_NUM_THREADS=0 capture --to "tcp://127.0.0.1:$port" --wait --policy block -- valgrind --quiet --fair-sched=yes \
        --leak-check=full --show-leak-kinds=definite "$work/linked" windows=2 frames=4 resize=2 again=2 end=destroy
}
if [ "${VALGRIND:-1}" != 0 ] && command -v valgrind >/dev/null; then check "valgrind" examined; fi

printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
