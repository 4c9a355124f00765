#!/usr/bin/env bash
# systemd 252 starts what OnFailure= names when a unit with Restart= has failed for the last time; systemd 257 starts it after every try.
#
# systemd.unit(5) of both says "when this unit enters the failed state". RestartMode=, which came with 254, tells that a unit goes through that state
# before it is restarted, unless it is "direct"; older ones warn of that. That is why exporter-alert@.service looks whether the unit has failed.
#
# The script fails when this has changed. It needs root, debootstrap and Debian's packages, some 200 MB for each version, and takes some minutes.
# Folders in which debootstrap has put bookworm and trixie, with systemd and iproute2, may be given: systemd-onfailure.sh BOOKWORM TRIXIE.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
expect() { # suite, root, calls
  local root=$2 machine=$work/$1 pid got
  mkdir -p "$machine/at" "$machine/shared"
  if [ -z "$root" ]; then
    root=$machine/root
    debootstrap --variant=minbase --include=systemd,iproute2 "$1" "$root" >"$machine/log"
  fi
  printf '[Unit]\nOnFailure=told.service\nStartLimitIntervalSec=1h\nStartLimitBurst=3\n[Service]\nType=oneshot\nExecStart=false\nRestart=on-failure\nRestartSec=1s\n' \
    >"$machine/shared/fails.service"
  printf '[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=sh -c "echo told >>/mnt/told"\n' >"$machine/shared/told.service"
  unshare --mount --pid --fork --kill-child --uts --ipc --net --cgroup \
    sh "$here/../tools/release/machine/boot.sh" "$machine/at" "$machine/shared" "$root" &
  local outer=$!
  pid=
  until pid=$(cat "/proc/$outer/task/$outer/children") && [ -n "$pid" ] && inside systemctl is-active --quiet basic.target 2>/dev/null; do sleep 0.1; done
  inside sh -c 'cp /mnt/*.service /run/systemd/system/ && systemctl daemon-reload && systemctl start fails || true'
  until inside systemctl is-failed --quiet fails && inside sh -c 'systemctl show --property=SubState --value fails | grep -qx failed'; do sleep 0.1; done
  sleep 0.5
  got=$(wc -l <"$machine/shared/told")
  echo "$(inside systemctl --version | sed -n '1s/ (.*//p'): three tries, OnFailure started $got times"
  [ "$got" = "$3" ] || { echo "  that was $3"; status=1; }
  kill -KILL "$pid"
  wait "$outer" || true
}
inside() { nsenter --target "${pid// /}" --all --root --wd "$@"; }

expect bookworm "${1:-}" 1
expect trixie "${2:-}" 4
exit $status
