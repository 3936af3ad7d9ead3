#!/bin/sh
# Runs what compile.sh has built, in the directory it is called from.
exec /tmp/codecrafters-build-redis-rust/release/spindle-server "$@"
