#!/bin/sh
# Builds the program; run from the root of the repository.
set -e
cargo build --release --target-dir=/tmp/codecrafters-build-redis-rust --manifest-path Cargo.toml
