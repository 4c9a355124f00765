#!/usr/bin/env bash
# datasets 5.2.0 and 3.6.0: load_dataset of a local folder with a card gives the rows of before when the files in it have changed.
#
# Without configurations in a card, the cache knows files by their paths and the times of their last change. With them, it knows a folder by its name
# and what the card says of the configuration, and says nothing of the files. That is why our cards have a description for each
# configuration, which changes with the files. Until a card has one, download_mode="force_redownload" reads anew.
#
# The script fails when this has changed. It needs python3 and PyPI, some 350 MB for each version, and takes a minute or two.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/load.py" <<'PYTHON'
import os
import sys

import datasets
import pyarrow
import pyarrow.parquet

datasets.disable_progress_bars()
work, configs, description = sys.argv[1], sys.argv[2] == "configs", sys.argv[3:]
folder = os.path.join(work, "ds")
os.makedirs(os.path.join(folder, "data"))
for rows in ([1, 2], [3, 4, 5]):
    pyarrow.parquet.write_table(pyarrow.table({"x": rows}), os.path.join(folder, "data", "0.parquet"))
    with open(os.path.join(folder, "README.md"), "w") as card:
        if configs:
            card.write("---\nconfigs:\n- config_name: default\n")
            card.writelines(f"  description: of {rows}\n" for _ in description)
            card.write("  data_files:\n  - split: train\n    path: data/*.parquet\n---\n")
    print(list(datasets.load_dataset(folder, split="train", cache_dir=os.path.join(work, "cache"))["x"]), end=" ")
PYTHON

status=0
expect() {
  local got
  got=$("$venv/bin/python" "$work/load.py" "$(mktemp -d -p "$work")" "${@:3}")
  echo "datasets $version, $1: [1, 2], then [3, 4, 5] are written; read are $got"
  [ "$got" = "$2" ] || { echo "  that was $2"; status=1; }
}
export HF_HUB_OFFLINE=1 HF_HOME=$work/home
for version in 5.2.0 3.6.0; do
  venv=$work/venv-$version
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --no-compile --disable-pip-version-check "datasets==$version" pyarrow==26.0.1
  expect "a card with configurations" "[1, 2] [1, 2] " configs
  expect "one that says what is there" "[1, 2] [3, 4, 5] " configs description
  expect "no configurations" "[1, 2] [3, 4, 5] " none
done
exit $status
