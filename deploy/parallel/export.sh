#!/usr/bin/env bash
# Exports with several processes of one machine, by GNU parallel: each exports a part of the files, as a complete export of its own in
# OUT/parts. In the end, one is made of them.
#
#     export.sh [--resume] PARTS OUT [FLAG...]
#
# FLAGs go to "exporter run". --resume runs the parts that the log of jobs (OUT.joblog, or what JOBLOG names) does not have as done; without it, all
# parts run, and those that are complete already take a few seconds.
#
# JOBS is how many run at once (as many as there are processors), TRIES how often a part is tried (5), and PAUSE how many seconds pass before
# the second time (30); each further pause is twice as long.
set -euo pipefail

# try runs one part until there is no use in trying again. parallel --retries would begin at once, and with every exit code.
try() {
  local part=$1 out=$2 code tries=${TRIES:-5} pause=${PAUSE:-30}
  shift 2
  # Who is told to end waits for the program, which is told so, too, and does not try again.
  trap 'tries=0' INT TERM
  while :; do
    code=0
    exporter run --part "$part" --out "$out" --partial-ok --no-progress "$@" || code=$?
    case $code in
    1 | 5 | 6 | 75 | 130 | 137) ;;
    4 | 64)
      # No part can succeed: parallel begins no other one.
      kill -HUP "$PARALLEL_PID"
      return "$code"
      ;;
    *) return "$code" ;;
    esac
    if [ $((tries -= 1)) -le 0 ]; then return "$code"; fi
    echo "part $part ended with exit code $code, and is tried again in $pause seconds" >&2
    sleep "$pause" || return "$code"
    pause=$((pause * 2))
  done
}

if [ "${1-}" = --try ]; then
  shift
  try "$@"
  exit
fi

resume=()
if [ "${1-}" = --resume ]; then
  resume=(--resume-failed)
  shift
fi
parts=${1:?"usage: $0 [--resume] PARTS OUT [FLAG...]"} out=${2:?"usage: $0 [--resume] PARTS OUT [FLAG...]"}
shift 2
joblog=${JOBLOG:-$(basename "$out").joblog}

# Whoever interrupts this script interrupts the parts: they get two minutes to commit what they have, in place of a third of a second. A signal also
# ends a wait, which has to begin again then.
trap 'waits=yes; kill -TERM "$parallel"' INT TERM
seq -f "%.0f/$parts" 0 $((parts - 1)) |
  parallel --quote --line-buffer --jobs "${JOBS:-$(nproc)}" --joblog "$joblog" ${resume[@]+"${resume[@]}"} --termseq TERM,120000,KILL,25 \
    "$0" --try {} "$out" "$@" &
parallel=$! waits=yes
while [ "$waits" ]; do
  waits=
  code=0
  wait "$parallel" || code=$?
done

# The seventh column is the exit code of a job, or 0 beside a signal.
given_up=$(awk 'NR > 1 && ($7 == 4 || $7 == 64) { print $7; exit }' "$joblog")
if [ -n "$given_up" ]; then exit "$given_up"; fi
if [ "$code" -gt 101 ]; then exit "$code"; fi # parallel itself failed or was ended.
exec exporter merge "$out"
