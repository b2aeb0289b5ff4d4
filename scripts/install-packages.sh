#!/bin/sh
# Installs the Debian packages that building, the demo and the tests need, and only those that are missing.
#
#   scripts/install-packages.sh [build] [demo] [test] [gstreamer] [bench]
#
# Without a group all but the last are meant; gstreamer is for the plugin and its tests, bench for Benchmarks/end-to-end.
#
# Exits with 0 when everything is there. Without the right to install, it prints the command that does it and exits with 1.
set -eu

build="build-essential pkg-config liblz4-dev libxxhash-dev libpng-dev libzstd-dev libssl-dev libsdl2-dev"
demo="libegl-dev libgl-dev libegl1 libgl1-mesa-dri libx11-dev"
test="iproute2 file openssl lz4 zstd xxhash cmake valgrind netcat-openbsd netpbm gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav libgstreamer1.0-dev xvfb xdotool x11-apps mesa-utils"
gstreamer="libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-libav"
bench="iproute2 netcat-openbsd lz4 ffmpeg gstreamer1.0-plugins-base gstreamer1.0-plugins-bad libgstreamer1.0-dev"

wanted=
modules=
for group in ${*:-build demo test gstreamer}; do
    case $group in
    build) wanted="$wanted $build" modules="$modules liblz4 libxxhash libpng libzstd openssl sdl2" ;;
    demo) wanted="$wanted $demo" modules="$modules egl gl" ;;
    test) wanted="$wanted $test" ;;
    gstreamer) wanted="$wanted $gstreamer" modules="$modules gstreamer-video-1.0" ;;
    bench) wanted="$wanted $bench" ;;
    *)
        echo "install-packages: unknown group '$group'; the groups are build, demo, test, gstreamer and bench" >&2
        exit 2
        ;;
    esac
done

if ! command -v swift >/dev/null 2>&1; then
    echo "install-packages: 'swift' is not in PATH; install Swift 6.2 or later from https://www.swift.org/install/" >&2
    exit 1
fi

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    # No Debian or Ubuntu: packages have other names there, so look for what they contain.
    absent=
    command -v cc >/dev/null 2>&1 || absent="$absent cc"
    command -v pkg-config >/dev/null 2>&1 || absent="$absent pkg-config"
    for module in $modules; do
        pkg-config --exists "$module" 2>/dev/null || absent="$absent $module"
    done
    [ -z "$absent" ] && exit 0
    echo "install-packages: this system has no apt-get, and these are missing:$absent" >&2
    echo "On Debian the packages are called:$wanted" >&2
    echo "Install what corresponds to them and run the command again." >&2
    exit 1
fi

missing=
for package in $wanted; do
    case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true) in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
    esac
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "These packages are missing, and only the administrator may install them. Run this, then try again:" >&2
    echo "  sudo apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi

echo "Installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || echo "install-packages: 'apt-get update' failed; going on with the package lists that are there" >&2
# shellcheck disable=SC2086 -- one word per package
apt-get install -y -qq --no-install-recommends $missing >/dev/null
