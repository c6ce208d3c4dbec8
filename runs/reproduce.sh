#!/bin/sh
# Trains both networks after the recipes of this folder, builds a bundle and measures it: a night on two processor cores,
# less on a graphics processor. Goes on where it stopped when called again. The classifier starts from the one
# inside the package, as that one did from the bundle before.
#   runs/reproduce.sh DATA [OUT]
# DATA holds the folders that runs/*.toml name; which public sets these are: `marrowscope data list`.
set -eu
DATA=${1:?"usage: runs/reproduce.sh DATA [OUT]"}
OUT=${2:-runs/local/reproduced}
HERE=$(dirname "$0")

train() { # train KIND RECIPE: a run that has a checkpoint goes on
  resume=
  [ -f "$OUT/$1/checkpoint.pt" ] && resume=--resume
  marrowscope train "$1" --data "$DATA" --recipe "$HERE/$2" -o "$OUT/$1" $resume
}

train detector detector.toml
train classifier classifier.toml
marrowscope bundle build --detector "$OUT/detector" --classifier "$OUT/classifier" -o "$OUT/bundle"
marrowscope evaluate bundle "$OUT/bundle" --plan "$HERE/evaluation.toml" --data "$DATA" --plots "$OUT/plots"
