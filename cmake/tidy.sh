#!/bin/bash
# clang-tidy over every source file, in parallel; findings are errors (.clang-tidy).
#   tidy.sh BUILD_DIR
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
git ls-files 'base/*.cc' 'parser/*.cc' 'oci/*.cc' 'layers/*.cc' 'cache/*.cc' 'builder/*.cc' 'cmd/*.cc' |
  xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$1"
