# TLS with OpenSSL's own command on the other side, and from one `framewire` to another.

# The identities that `framewire keygen` makes; sets `sender_pin` and `receiver_pin`.
make_identities() {
    framewire keygen keys --host localhost --host 127.0.0.1 >identities
    sender_pin=$(sed -n 's/^sender *//p' identities)
    receiver_pin=$(sed -n 's/^receiver *//p' identities)
}

# Framewire's fingerprint is the one that OpenSSL shows.
keygen_fingerprints() {
    need_command openssl
    make_identities
    local role
    for role in sender receiver; do
        openssl x509 -in keys/$role.pem -noout -fingerprint -sha256 >shown
        [ "sha256:$(sed 's/.*=//' shown | tr -d : | tr A-F a-f)" = "$(sed -n "s/^$role *//p" identities)" ] ||
            fail "openssl shows another fingerprint: $(cat shown)"
        [ "$(stat -c %a keys/$role.key)" = 600 ] || fail "others may read keys/$role.key"
    done
    fails_with 1 'not overwritten' framewire keygen keys
}

# The bytes of the stream begin behind s_server's own words.
tls_into_openssl() {
    need_command openssl lz4
    make_raw in_322x181_rgba8.raw --size 322x181 --kind mixed --frames 15
    make_identities
    # With -quiet it does not tell its port, and it leaves when its input ends.
    limit openssl s_server -accept 127.0.0.1:0 -cert keys/receiver.pem -key keys/receiver.key -tls1_3 -naccept 1 -Verify 1 \
        -CAfile keys/sender.pem -verify_return_error < <(exec sleep 20) >server.out 2>server.log &
    local server=$!
    await grep -q '^ACCEPT .*:[0-9]*$' server.out
    port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' server.out)
    framewire send in_322x181_rgba8.raw "tls://127.0.0.1:$port" --tls-pin "$receiver_pin" \
        --tls-cert keys/sender.pem --tls-key keys/sender.key
    await_end $server 'openssl s_server'
    # What s_server says itself is text; the stream begins with the magic number of LZ4.
    local start
    start=$(grep -abo $'\x04\x22\x4d\x18\x60' server.out | head -n 1 | cut -d: -f1)
    [ -n "$start" ] || fail "no stream came: $(tail -n 1 server.log)"
    tail -c +$((start + 1)) server.out >stream
    # Its last words, behind the stream, are no LZ4.
    lz4 -dc stream >received.raw 2>/dev/null || true
    same in_322x181_rgba8.raw received.raw
}

# A sender that listens; `openssl s_client` hands what comes to lz4.
openssl_connects() {
    need_command openssl lz4
    make_raw in_322x181_rgba8.raw --size 322x181 --kind mixed --frames 15
    make_identities
    limit "$PREFIX/bin/framewire" send in_322x181_rgba8.raw 'tls://127.0.0.1:0?listen=1' --ready-file port \
        --tls-cert keys/receiver.pem --tls-key keys/receiver.key --tls-pin "$sender_pin" &
    local sender=$!
    await test -s port
    limit openssl s_client -connect "127.0.0.1:$(cat port)" -quiet -verify_return_error -CAfile keys/receiver.pem \
        -verify_ip 127.0.0.1 -cert keys/sender.pem -key keys/sender.key 2>client.log </dev/null | limit lz4 -dc >received.raw
    await_end $sender 'framewire send'
    same in_322x181_rgba8.raw received.raw
}

# A recording through s_client to a receiver.
openssl_sends() {
    need_command openssl
    make_raw in_322x181_rgba8.raw --size 322x181 --kind mixed --frames 15
    framewire send in_322x181_rgba8.raw "file://$PWD/recording"
    make_identities
    start_command_receiver_at tls://127.0.0.1:0 --output received.raw --tls-cert keys/receiver.pem \
        --tls-key keys/receiver.key --tls-pin "$sender_pin"
    limit openssl s_client -connect "127.0.0.1:$port" -quiet -no_ign_eof -nocommands -cert keys/sender.pem -key keys/sender.key \
        2>client.log <recording || true
    await_end $receiver 'framewire receive'
    same in_322x181_rgba8.raw received.raw
}

# start_command_receiver_at URL OPTION...: sets `port` and `receiver`.
start_command_receiver_at() {
    rm -f port
    limit "$PREFIX/bin/framewire" receive "$@" --once --ready-file port 2>receiver.log &
    receiver=$!
    await test -s port
    port=$(cat port)
}

# The commands that keygen prints are the ones that work.
keygen_commands_work() {
    need_command
    make_raw in_320x240_rgba8.raw --kind mixed
    make_identities
    grep '^framewire receive' identities | sed 's/0\.0\.0\.0:3000/127.0.0.1:0/; s/^framewire//' >receive
    grep '^framewire send' identities | sed 's/ INPUT / in_320x240_rgba8.raw /; s/^framewire//' >send
    rm -f port
    eval "limit \"$PREFIX/bin/framewire\" $(cat receive) --once --output received.raw --ready-file port &"
    local receiver=$!
    await test -s port
    eval "framewire $(sed "s/:3000/:$(cat port)/" send)"
    await_end $receiver 'framewire receive'
    same in_320x240_rgba8.raw received.raw
}

# A server of TLS 1.2, and one that speaks no TLS at all.
older_and_foreign_servers() {
    need_command openssl nc
    make_raw in_320x240_rgba8.raw --frames 1
    make_identities
    sleep 20 | limit openssl s_server -accept 127.0.0.1:0 -cert keys/receiver.pem -key keys/receiver.key -tls1_2 >server.out 2>&1 &
    await grep -q '^ACCEPT .*:[0-9]*$' server.out
    port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' server.out)
    fails_with 1 'TLS is too old' framewire send in_320x240_rgba8.raw "tls://127.0.0.1:$port" --tls-pin "$receiver_pin"
    (echo '220 this is something else, and it goes on for a while'; sleep 5) | limit nc -v -l 127.0.0.1 0 2>nc.log >/dev/null &
    read_port nc.log 'Listening on .* '
    fails_with 1 'does not speak TLS' framewire send in_320x240_rgba8.raw "tls://127.0.0.1:$port" --tls-pin "$receiver_pin"
}

# Whom a receiver can be reached by is told once, and not with TLS.
open_receivers_warn() {
    need_command
    make_identities
    local url words
    for url in tcp://0.0.0.0:0 tcp://127.0.0.1:0 tls://0.0.0.0:0; do
        rm -f port
        limit "$PREFIX/bin/framewire" receive $url --ready-file port \
            $(case $url in tls*) echo --tls-cert keys/receiver.pem --tls-key keys/receiver.key --tls-pin "$sender_pin" ;; esac) \
            2>words.$(echo $url | tr -c 'a-z0-9\n' -) &
        await test -s port
        kill -INT %%
    done
    wait || true
    [ "$(grep -c 'tls://' words.tcp---0-0-0-0-0)" = 1 ] || fail "no warning: $(cat words.tcp---0-0-0-0-0)"
    ! grep -q 'tls://' words.tcp---127-0-0-1-0 words.tls---0-0-0-0-0 || fail "a warning where there is no cause"
}

# A machine without OpenSSL: plain connections work, tls:// says what is missing.
no_openssl() {
    need_command unshare ldconfig
    local library
    library=$(ldconfig -p | sed -n 's/.*libssl\.so\.3 .*=> //p' | head -n 1)
    [ -n "$library" ] || skip "there is no libssl.so.3 to hide"
    : >empty
    unshare --mount mount --bind empty "$(readlink -f "$library")" 2>unshare.log ||
        skip "a file cannot be hidden from one process here: $(cat unshare.log)"
    make_raw in_320x240_rgba8.raw --frames 3
    cat >hidden.sh <<'END'
mount --bind empty "$1" && shift && exec "$@"
END
    local hide="unshare --mount bash hidden.sh $(readlink -f "$library")"
    fails_with 1 'install the package libssl3' $hide "$PREFIX/bin/framewire" send in_320x240_rgba8.raw tls://127.0.0.1:9
    make_identities
    fails_with 1 'install the package libssl3' $hide "$PREFIX/bin/framewire" receive tls://127.0.0.1:0 \
        --tls-cert keys/receiver.pem --tls-key keys/receiver.key --tls-pin "$sender_pin"
    limit $hide "$PREFIX/bin/framewire" send in_320x240_rgba8.raw "file://$PWD/recording"
    lz4 -dc recording | cmp - in_320x240_rgba8.raw
}

check tls-keygen keygen_fingerprints
check tls-keygen-commands keygen_commands_work
check tls-openssl-server tls_into_openssl
check tls-openssl-client openssl_connects
check tls-openssl-sends openssl_sends
check tls-older-and-foreign older_and_foreign_servers
check tls-warning open_receivers_warn
check tls-without-openssl no_openssl
