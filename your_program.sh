#!/bin/sh
# Builds the program and runs it in the directory this is called from.
set -e
(
    cd "$(dirname "$0")"
    sh .codecrafters/compile.sh
)
exec sh "$(dirname "$0")/.codecrafters/run.sh" "$@"
