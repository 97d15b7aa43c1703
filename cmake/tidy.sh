#!/bin/bash
# clang-tidy over every source file, in parallel; findings are errors (.clang-tidy). Version 16: 14 cannot read the
# standard library of gcc 12.
#   tidy.sh [FILE...]      default: all
# It needs the compile commands of a configured tree only: one without precompiled headers, as clang can't read gcc's.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
cmake --preset tidy >/dev/null
if [ $# -gt 0 ]; then printf '%s\n' "$@"; else
  git ls-files 'base/*.cc' 'parser/*.cc' 'oci/*.cc' 'layers/*.cc' 'cache/*.cc' 'builder/*.cc' 'cmd/*.cc'
fi | xargs -P "$(nproc)" -n 4 clang-tidy-16 --quiet -p build/tidy
