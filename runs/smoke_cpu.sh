#!/bin/sh
# Everything reproduce.sh does, small: minutes on a processor. Shows that the whole way works, not that it is good.
#   runs/smoke_cpu.sh DATA [OUT]
set -eu
DATA=${1:?"usage: runs/smoke_cpu.sh DATA [OUT]"}
OUT=${2:-runs/local/smoke}
HERE=$(dirname "$0")

marrowscope train detector --data "$DATA" --recipe "$HERE/detector.toml" -o "$OUT/detector" \
  --set 'steps = 3' --set 'batch = 2' --set 'evaluate_steps = 1000' --set 'canvas_px = [320]'
marrowscope train classifier --data "$DATA" --recipe "$HERE/classifier.toml" -o "$OUT/classifier" \
  --set 'steps = 3' --set 'batch = 4' --set 'input_px = 64' --set 'synthetic_per_type = 2' --set 'thin = 30'
marrowscope bundle build --detector "$OUT/detector" --classifier "$OUT/classifier" -o "$OUT/bundle"
marrowscope evaluate bundle "$OUT/bundle" --plan "$HERE/smoke_evaluation.toml" --data "$DATA"
