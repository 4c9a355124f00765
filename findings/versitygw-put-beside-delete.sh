#!/usr/bin/env bash
# versitygw 1.8.0, on a file system (posix): while objects are put and deleted below one prefix by several clients, some PUTs of plain keys are
# answered 409 ExistingObjectIsDirectory, although no object has a key that ends in a slash or has another below it. The same PUT succeeds when
# it is sent again.
#
# A DELETE of the last object of a folder removes the folder, and a PUT that comes meanwhile takes what it finds for a directory in its way.
#
# The script fails when this has changed. It needs go, python3, the Go module proxy and PyPI (boto3 1.44.8); compiling takes a minute or two.
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
GOBIN=$work go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check boto3==1.44.8

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -p "$work/data/some-bucket"
"$work/versitygw" --port "127.0.0.1:$port" --access some-access --secret some-secret --keep-alive --quiet posix "$work/data" >"$work/log" 2>&1 &
server=$!

cat >"$work/race.py" <<'PYTHON'
import sys
import threading
import time

import boto3
import botocore.config
import botocore.exceptions

refused, failed_again, done = [], [], 0
lock = threading.Lock()


def client():
    return boto3.client(
        "s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="some-access", aws_secret_access_key="some-secret",
        config=botocore.config.Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))


def put(s3, key):
    """Returns the code of the error, or nothing."""
    try:
        s3.put_object(Bucket="some-bucket", Key=key, Body=b"x")
    except botocore.exceptions.ClientError as e:
        return e.response["Error"]["Code"]


def work(number):
    global done
    s3, key = client(), f"folder/below/{number}"
    for _ in range(150):
        code = put(s3, key)
        with lock:
            done += 1
            if code:
                refused.append(code)
        for _ in range(20):
            if not code:
                break
            time.sleep(0.01)
            code = put(s3, key)
        if code:
            failed_again.append(code)
        s3.delete_object(Bucket="some-bucket", Key=key)


for _ in range(100):
    try:
        client().list_objects_v2(Bucket="some-bucket")
        break
    except botocore.exceptions.EndpointConnectionError:
        time.sleep(0.1)
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(f"{len(refused)} of {done} PUTs were refused:", ", ".join(sorted(set(refused))) or "none")
print(f"{len(failed_again)} of them for good")
if set(refused) != {"ExistingObjectIsDirectory"} or failed_again:
    sys.exit("versitygw does something else now")
PYTHON
"$work/venv/bin/python" "$work/race.py" "http://127.0.0.1:$port"
