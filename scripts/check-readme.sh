#!/bin/bash
# Checks that README.md quotes the examples that the tests compile and run: what stands between "README begin" and "README end".
#
#   scripts/check-readme.sh
set -eu
cd "$(dirname "$0")/.."

status=0
for source in Tests/CAPI/readme_example_test.c Tests/FramewireTests/ReadmeExampleTests.swift; do
    example=$(sed '1,/README begin/d; /README end/,$d' "$source")
    [ -n "$example" ] || { echo "check-readme: $source has no example" >&2; exit 1; }
    case $(cat README.md) in
    *"$example"*) ;;
    *)
        echo "check-readme: README.md does not quote $source as it is" >&2
        status=1
        ;;
    esac
done
exit $status
