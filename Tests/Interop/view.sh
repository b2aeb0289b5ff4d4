# `framewire view` on displays of its own: what its window shows, pixel by pixel, what its keys do, and what it says where it cannot be.

# start_display: an X server without a screen; sets DISPLAY. The check's end kills it.
start_display() {
    need_command Xvfb xdotool xwd ppmtoppm
    Xvfb -displayfd 3 -screen 0 1280x1024x24 -nolisten tcp -noreset 3>display 2>xvfb.log &
    await test -s display
    export DISPLAY=:$(cat display)
    unset WAYLAND_DISPLAY
}

# start_view [OPTION of framewire view...]: sets `port` and `viewer`.
start_view() {
    rm -f port
    limit "$PREFIX/bin/framewire" view "${SCHEME:-tcp}://127.0.0.1:0" --ready-file port --timeout 30 "$@" &
    viewer=$!
    await test -s port
    port=$(cat port)
}

# find_window: sets `window`.
find_window() {
    await xdotool search --onlyvisible --name "^${SCHEME:-tcp}://127.0.0.1:0 "
    window=$(xdotool search --onlyvisible --name "^${SCHEME:-tcp}://127.0.0.1:0 ")
}

# What is in the window, in shown.ppm. netpbm's xwdtopnm takes the bytes of such pixels for others, so the command that writes files
# does it: behind a header (X11/XWDFile.h) are rows of BGRX.
grab() {
    xwd -silent -id "$window" >shown.xwd || return
    local words
    # shellcheck disable=SC2207 -- words are wanted
    words=($(od -An -v -N 100 -w4 -t u4 --endian=big shown.xwd))
    [ "${words[11]}" = 32 ] && [ "${words[12]}" = $((4 * words[4])) ] || fail "the display has pixels of another kind"
    tail -c +$((words[0] + 12 * words[19] + 1)) shown.xwd >"shown_${words[4]}x${words[5]}_bgrx8.raw"
    to_ppm "shown_${words[4]}x${words[5]}_bgrx8.raw" shown.ppm
}

# to_ppm NAME.raw NAME.ppm: by the command, through a recording.
to_ppm() {
    rm -f "$2.fwr"
    framewire send "$1" "file://$PWD/$2.fwr" >/dev/null
    framewire receive "file://$PWD/$2.fwr" --output grey_or_color.ppm >/dev/null
    ppmtoppm <grey_or_color.ppm >"$2"
}

window_shows() {
    grab && cmp -s "$1" shown.ppm
}

title_has() {
    xdotool getwindowname "$window" | grep -qF -- "$1"
}

press() {
    xdotool key --window "$window" "$1"
}

# interrupt PID: a signal to a whole background job.
interrupt() {
    kill -INT -- "-$1"
}

# quit: the key q, and the command's good end.
quit() {
    # It has gone before xdotool lets the key go.
    press q || true
    await_end $viewer 'framewire view'
}

# show FORMAT SIZE [OPTION of frame_source...]: sends frames, of which the last stays in the window; it is in wanted.ppm.
show() {
    source_frames "tcp://127.0.0.1:$port" --format "$1" --size "$2" --frames 4 --policy block --kind mixed \
        --raw sent.raw "${@:3}"
    tail -c $(($(wc -c <sent.raw) / 4)) sent.raw >"last_$2_$1.raw"
    to_ppm "last_$2_$1.raw" wanted.ppm
}

# The window has the picture's pixels and no others, rows the right way up; so have both kinds of screenshot.
view_shows_what_was_sent() {
    export SDL_RENDER_DRIVER=$1
    start_display
    start_view --screenshot last.raw
    find_window
    show rgba8 322x241 --bottom-up --padding 8
    await window_shows wanted.ppm
    title_has '322 x 241 rgba8' || fail "the title is $(xdotool getwindowname "$window")"
    press s
    await test -s framewire-0001.png
    pngtopam framewire-0001.png | pamtopnm | ppmtoppm >saved.ppm
    same wanted.ppm saved.ppm
    quit
    tail -c $((322 * 241 * 4)) sent.raw >wanted.raw
    same wanted.raw last.raw
}

# One window for senders that come one after another, each with its own size and format.
view_follows_changes() {
    export SDL_RENDER_DRIVER=software
    start_display
    start_view
    find_window
    await title_has 'waiting for a sender'
    local picture
    for picture in 'bgra8 400x300' 'rgb8 333x335' 'bgr8 401x127' 'r8 320x64'; do
        # shellcheck disable=SC2086 -- two words
        show $picture
        await window_shows wanted.ppm
    done
    source_frames "tcp://127.0.0.1:$port" --format rgba16 --size 340x20 --frames 2
    await title_has '340 x 20 rgba16'
    # Video is converted, and a screenshot of it is what is shown.
    local number=0
    for picture in nv12 i420; do
        number=$((number + 1))
        source_frames "tcp://127.0.0.1:$port" --format $picture --size 35${number}x67 --frames 2
        await title_has "x 67 $picture"
        press s
        await test -s framewire-000$number.png
        pngtopam framewire-000$number.png | ppmtoppm >wanted.ppm
        # The window says for a while what was written.
        await window_shows wanted.ppm
    done
    await title_has 'waiting for a sender'
    quit
}

# flat NAME COLOR WIDTH HEIGHT: a picture of one colour, as NAME.ppm.
flat() {
    ppmmake "rgb:$2" "$3" "$4" >"$1.ppm"
}

view_keeps_the_aspect() {
    export SDL_RENDER_DRIVER=software
    start_display
    need ppmmake pnmpad
    start_view
    find_window
    flat white ff/ff/ff 400 200
    framewire send white.ppm "tcp://127.0.0.1:$port"
    await window_shows white.ppm
    # What is beyond the screen's edge cannot be looked at.
    xdotool windowmove "$window" 0 0
    xdotool windowsize "$window" 600 600
    ppmmake rgb:ff/ff/ff 600 300 | pnmpad -black -top 150 -bottom 150 >tall.ppm
    await window_shows tall.ppm
    xdotool windowsize "$window" 900 100
    ppmmake rgb:ff/ff/ff 200 100 | pnmpad -black -left 350 -right 350 >wide.ppm
    await window_shows wide.ppm
    # The user's size stays, whatever comes.
    flat square ff/00/00 300 300
    framewire send square.ppm "tcp://127.0.0.1:$port"
    ppmmake rgb:ff/00/00 100 100 | pnmpad -black -left 400 -right 400 >wide.ppm
    await window_shows wide.ppm
    quit
}

view_keys() {
    export SDL_RENDER_DRIVER=software
    start_display
    need ppmmake
    start_view --json >summary
    find_window
    flat red ff/00/00 400 300
    flat blue 00/00/ff 400 300
    limit "$PREFIX/bin/framewire" send red.ppm "tcp://127.0.0.1:$port" --loop 0 --rate 30 >/dev/null &
    local red=$!
    await window_shows red.ppm
    press o
    await overlay_is_over red.ppm
    press o
    await window_shows red.ppm
    # The second of two senders.
    limit "$PREFIX/bin/framewire" send blue.ppm "tcp://127.0.0.1:$port" --loop 0 --rate 30 >/dev/null &
    await next_is blue.ppm
    press Tab
    await window_shows red.ppm
    # When the one that is shown has gone, the other is.
    interrupt $red
    await window_shows blue.ppm
    press space
    await title_has paused
    press space
    await title_has 'connected, 127.0.0.1:'
    press Escape || true
    await_end $viewer 'framewire view'
    grep -q '"connections": 2' summary || fail "$(cat summary)"
}

# next_is NAME: goes on to the next stream, which changes nothing until the second is there, and gives the window a while to show it.
next_is() {
    local tries
    press Tab
    for tries in {1..20}; do
        if window_shows "$1"; then return 0; fi
        sleep 0.05
    done
    return 1
}

# Its ground is dark, and the corner of the window is the picture's.
overlay_is_over() {
    grab
    ! cmp -s "$1" shown.ppm && [ "$(pnmcut 0 0 8 8 shown.ppm | md5sum)" = "$(pnmcut 0 0 8 8 "$1" | md5sum)" ] &&
        [ "$(pnmcut 40 14 1 1 shown.ppm | md5sum)" != "$(pnmcut 40 14 1 1 "$1" | md5sum)" ]
}

# Without a display at all: SDL draws into memory.
view_in_scripts() {
    need_command
    export SDL_VIDEODRIVER=dummy
    start_view --once --screenshot last.raw --json >summary
    source_frames "tcp://127.0.0.1:$port" --policy block --raw sent.raw --frames 7 --kind text
    await_end $viewer 'framewire view'
    tail -c $((320 * 240 * 4)) sent.raw >wanted.raw
    same wanted.raw last.raw
    grep -q '"sequence": 6' summary || fail "$(cat summary)"
    # By number, and a picture that PNG cannot hold.
    make_raw in_64x48_rgba16f.raw --size 64x48 --format rgba16 --frames 3
    framewire send in_64x48_rgba16f.raw "file://$PWD/three.fwr"
    framewire view "file://$PWD/three.fwr" --frames 2 --screenshot second.raw --json >summary
    tail -c +$((64 * 48 * 8 + 1)) in_64x48_rgba16f.raw | head -c $((64 * 48 * 8)) >wanted.raw
    same wanted.raw second.raw
    grep -q '"shown": 2' summary || fail "$(cat summary)"
    # Frames of another stream are none.
    start_view --stream 7 --timeout 1 2>said
    framewire send in_64x48_rgba16f.raw "tcp://127.0.0.1:$port" --loop 0 --rate 30 >/dev/null 2>&1 &
    if wait $viewer; then fail 'stream 7 was not sent'; fi
    grep -q 'no frame came' said || fail "$(cat said)"
    fails_with 1 'a PNG file cannot hold rgba16f pixels' framewire view "file://$PWD/three.fwr" --once --screenshot x.png
}

view_over_tls() {
    need_command openssl
    export SDL_VIDEODRIVER=dummy SCHEME=tls
    framewire keygen keys >/dev/null
    start_view --once --screenshot last.raw --tls-cert keys/receiver.pem --tls-key keys/receiver.key
    make_raw in_320x240_rgba8.raw --frames 3
    local pin
    pin=$(openssl x509 -in keys/receiver.pem -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)
    framewire send in_320x240_rgba8.raw "tls://127.0.0.1:$port" --tls-pin "sha256:$pin"
    await_end $viewer 'framewire view'
    tail -c $((320 * 240 * 4)) in_320x240_rgba8.raw >wanted.raw
    same wanted.raw last.raw
}

view_says_what_is_missing() {
    need_command
    unset DISPLAY WAYLAND_DISPLAY
    fails_with 1 'set DISPLAY' framewire view tcp://127.0.0.1:0
    mkdir without
    : >without/libSDL2-2.0.so.0
    LD_LIBRARY_PATH=$PWD/without fails_with 1 'install the package libsdl2-2.0-0' framewire view tcp://127.0.0.1:0
    export SDL_VIDEODRIVER=dummy
    fails_with 1 'no frame came for' framewire view tcp://127.0.0.1:0 --timeout 0.2
    fails_with 2 'ends in .png' framewire view tcp://127.0.0.1:0 --screenshot picture
    fails_with 2 'frames is 1 or more' framewire view tcp://127.0.0.1:0 --frames 0
    limit "$PREFIX/bin/framewire" view tcp://127.0.0.1:0 --ready-file port &
    local viewer=$!
    await test -s port
    interrupt $viewer
    await_end $viewer 'framewire view'
}

check view-software view_shows_what_was_sent software
check view-opengl view_shows_what_was_sent opengl
check view-changes view_follows_changes
check view-aspect view_keeps_the_aspect
check view-keys view_keys
check view-scripts view_in_scripts
check view-tls view_over_tls
check view-missing view_says_what_is_missing
