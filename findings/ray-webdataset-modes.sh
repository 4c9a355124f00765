#!/usr/bin/env bash
# Ray 2.60.0: read_webdataset decodes a grey picture to an array of two dimensions and one in colours to one of three. Rows that
# have both cannot be taken once there are some: four pass, and of eight take_all raises a ValueError.
#
# With decoder=None rows have the bytes, and a function as decoder may bring all pictures to one mode.
#
# The script fails when this has changed. It needs python3, PyPI (some 500 MB unpacked) and unshare, as Ray listens on every interface; it takes a
# minute or two.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/load.py" <<'PYTHON'
import io
import sys
import tarfile

import numpy
import PIL.Image
import ray

path = sys.argv[1]


def write(modes):
    """Writes a shard of pictures of these modes, each of another size than the one before."""
    with tarfile.open(path, "w") as shard:
        for number, mode in enumerate(modes):
            picture = io.BytesIO()
            PIL.Image.new(mode, (8 + number, 8)).save(picture, "JPEG")
            member = tarfile.TarInfo(f"{number:03}.jpg")
            member.size = len(picture.getvalue())
            picture.seek(0)
            shard.addfile(member, picture)


def in_colours(sample):
    picture = PIL.Image.open(io.BytesIO(sample["jpg"])).convert("RGB")
    return {**sample, "jpg": numpy.asarray(picture)}


def take(decoder):
    try:
        rows = ray.data.read_webdataset(path, decoder=decoder).take_all()
    except ValueError as err:
        return f"ValueError: {err}"
    kinds = {f"arrays of {p.ndim} dimensions" if isinstance(p, numpy.ndarray) else type(p).__name__ for p in (r["jpg"] for r in rows)}
    return f"{len(rows)} rows of {', '.join(sorted(kinds))}"


ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
for modes in ["RGB"] * 8, ["RGB", "L"] * 2, ["RGB", "L"] * 4:
    write(modes)
    for name, decoder in {"its own decoder": True, "no decoder": None, "one that makes colours": in_colours}.items():
        print(f"{' '.join(modes[:2])} ..., {name}: {take(decoder)}")
PYTHON
cat >"$work/want" <<'WANT'
RGB RGB ..., its own decoder: 8 rows of arrays of 3 dimensions
RGB RGB ..., no decoder: 8 rows of bytes
RGB RGB ..., one that makes colours: 8 rows of arrays of 3 dimensions
RGB L ..., its own decoder: 4 rows of arrays of 2 dimensions, arrays of 3 dimensions
RGB L ..., no decoder: 4 rows of bytes
RGB L ..., one that makes colours: 4 rows of arrays of 3 dimensions
RGB L ..., its own decoder: ValueError: ArrowVariableShapedTensorArray only supports tensor elements that all have the same number of dimensions, but got tensor elements with dimensions: 3, 2
RGB L ..., no decoder: 8 rows of bytes
RGB L ..., one that makes colours: 8 rows of arrays of 3 dimensions
WANT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check 'ray[data]==2.60.0' pillow==13.0.0 numpy==2.4.6
HOME=$work RAY_TMPDIR=$work/ray unshare --map-root-user --net sh -c 'ip link set lo up && exec "$@"' sh \
  "$work/venv/bin/python" "$work/load.py" "$work/0.tar" 2>"$work/log" >"$work/out" || { tail -n 20 "$work/log"; exit 1; }
grep -E '^(RGB|L) ' "$work/out" >"$work/got" || true
echo "ray 2.60.0, read_webdataset:"
cat "$work/got"
diff "$work/want" "$work/got" || { echo "That was other before."; exit 1; }
