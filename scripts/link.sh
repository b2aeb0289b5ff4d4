# Two network namespaces with a link between them, for the tests and benchmarks that need one of limited rate. Sourced; the functions
# need root and iproute2.
#
# A has 10.77.0.1 and B 10.77.0.2, each at its end of a veth pair. All the programs run on this machine and share its clock.

A=framewire-$$-a
B=framewire-$$-b

remove_link() {
    local namespace
    for namespace in "$A" "$B"; do
        ip netns delete "$namespace" 2>/dev/null || true
    done
}

make_link() {
    local end
    ip netns add "$A" && ip netns add "$B" || return
    ip -n "$A" link add veth0 type veth peer name veth0 netns "$B" || return
    ip -n "$A" address add 10.77.0.1/24 dev veth0 && ip -n "$B" address add 10.77.0.2/24 dev veth0 || return
    for end in "$A" "$B"; do
        ip -n "$end" link set veth0 up && ip -n "$end" link set lo up || return
    done
}

# limit_rate RATE [BURST LATENCY], as tc writes them: what A sends to B. LATENCY is how long the filter itself holds it at most.
limit_rate() {
    tc -n "$A" qdisc replace dev veth0 root tbf rate "$1" burst "${2:-32kb}" latency "${3:-10ms}"
}
