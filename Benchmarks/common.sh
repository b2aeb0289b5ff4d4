# What the benchmarks that run several processes share. Sourced by bash.

# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/link.sh"

# The comment at the head of the script.
usage() {
    sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
}

work=$(mktemp -d)
# Nothing that was started outlives the script.
clean_up() {
    local job
    for job in $(jobs -p); do kill -KILL "$job" 2>/dev/null || true; done
    remove_link
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# use_link LINK: `loopback`, or the rate of a link as tc writes it. Sets `at_a` and `at_b`, what runs a command there, `address_of_a`, and
# `address` of B.
use_link() {
    remove_link
    at_a=() at_b=() address_of_a=127.0.0.1 address=127.0.0.1
    [ "$1" != loopback ] || return 0
    make_link
    # The filter holds as much as a switch would: 5 ms.
    limit_rate "$1" 512kb 5ms
    at_a=(ip netns exec "$A") at_b=(ip netns exec "$B") address_of_a=10.77.0.1 address=10.77.0.2
}
