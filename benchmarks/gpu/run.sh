#!/usr/bin/env bash
# Check and measure ftdojo on one GPU in less than eight minutes: bash benchmarks/gpu/run.sh [--dry] [OUT]
#
# Every step is a process with its own time limit and its own log. One that fails, or that a missing package makes
# impossible, does not stop the others. OUT (gpu-results if not given) gets log and JSON of every step, results.json and
# table.md. --dry does the same on any machine with tiny models: it checks the script, and measures nothing.
# PYTHON names the interpreter. WHEELS names a folder of wheels (wheels.sh) to install first where no index is reached.
# ONLY names the steps to run, for example ONLY="models qlora".
set -u
dry=
if [ "${1:-}" = --dry ]; then dry=--dry; shift; fi
out=$(realpath -m "${1:-gpu-results}")
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
mkdir -p "$out"
if [ -n "$(ls -A "$out")" ]; then
    echo "$out is not empty: name another folder" >&2
    exit 2
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ -n "${WHEELS:-}" ]; then
    "$python" -m pip install -q --no-index --no-deps --no-compile --target "$scratch/site" "$WHEELS"/*.whl || exit
fi
export PYTHONPATH="$here/../../src:$scratch/site${PYTHONPATH:+:$PYTHONPATH}"
export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false PYTHONUNBUFFERED=1 FTDOJO_HOME="$scratch/home"

failed=0
while read -r step limit; do
    case " ${ONLY:-$step} " in *" $step "*) ;; *) continue ;; esac
    printf '%-18s ' "$step"
    [ -n "$dry" ] && limit=$((10 * limit))
    timeout --kill-after=5 "$limit" "$python" "$here/steps.py" "$step" --models "$scratch/models" \
        --out "$out/$step.json" $dry >"$out/$step.log" 2>&1
    status=$?
    case $status in
        0) echo "done" ;;
        124 | 137) echo "stopped after $limit s" ;;
        *) echo "failed: $(tail -n 1 "$out/$step.log")" ;;
    esac
    [ "$status" = 0 ] || failed=$((failed + 1))
    echo "$step $status" >>"$out/statuses"
done <<'STEPS'
machine 15
models 60
train-ours 35
train-trl 35
train-trl-liger 35
engine-ours 35
engine-generate 40
forecast 75
qlora 35
full 35
iteration 75
STEPS
"$python" "$here/table.py" "$out" | tee "$out/table.md"
exit "$((failed > 0))"
