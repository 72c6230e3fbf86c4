#!/usr/bin/env bash
# Gather the wheels that a machine with a GPU lacks: bash benchmarks/gpu/wheels.sh FOLDER PYTHON_VERSION PACKAGE ...
#
# For example: bash benchmarks/gpu/wheels.sh wheels 3.12 transformers peft trl datasets dill multiprocess xxhash
# bitsandbytes liger-kernel pydantic pydantic-core annotated-types typing-inspection. Versions are those of
# constraints.txt. Give every package that is missing there by name: needs of packages are not followed, so that torch,
# which such a machine has, is left out. The size is printed, as it may be limited.
set -eu
folder=$1 version=$2
shift 2
root=$(cd "$(dirname "$0")/../.." && pwd)
platforms=()
for glibc in 39 38 37 36 35 34 33 32 31 30 29 28 27 24 17; do
    platforms+=(--platform "manylinux_2_${glibc}_x86_64")
done
"${PYTHON:-python3}" -m pip download -q --no-deps --only-binary=:all: --python-version "$version" \
    --implementation cp "${platforms[@]}" --platform manylinux2014_x86_64 --platform manylinux1_x86_64 \
    -c "$root/constraints.txt" -d "$folder" "$@"
du -sh "$folder"
