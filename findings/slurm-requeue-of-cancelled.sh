#!/usr/bin/env bash
# Slurm 22.05.8: "scontrol requeue" takes a job that somebody cancelled, as long as its script has not ended, and the job runs again. A script that
# requeues itself when it is told to end, as many do for the sake of limits of time, cannot be cancelled for good.
#
# squeue says COMPLETING of such a job, and RUNNING of one that only gets its warning before the limit (--signal=B:TERM@120): deploy/slurm/export.sbatch
# looks at that.
#
# The script fails when this has changed. It needs root and Debian 12, of which it installs Slurm and munge, and takes half a minute. The daemons
# listen on loopback alone.
set -euo pipefail

DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends slurmctld=22.05.8-4+deb12u3 slurmd=22.05.8-4+deb12u3 \
  slurm-client=22.05.8-4+deb12u3 munge >/dev/null
work=$(mktemp -d)
daemons=()
trap '[ ${#daemons[@]} -eq 0 ] || kill "${daemons[@]}"; wait; rm -rf "$work"' EXIT
read -r controller node < <(python3 -c 'import socket
sockets = [socket.socket() for _ in range(2)]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))')
host=$(hostname -s)
mkdir "$work/state" "$work/spool"
# What is requeued waits as long as credentials live; five seconds are the least.
cat >"$work/slurm.conf" <<CONF
ClusterName=finding
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller
SlurmdPort=$node
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket,cred_expire=5
SlurmUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1
PartitionName=all Nodes=$host Default=YES
CONF
export SLURM_CONF=$work/slurm.conf
(umask 077 && head -c 1024 /dev/urandom >"$work/munge.key")
munged --foreground --force --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munge.pid" --log-file="$work/munge.log" \
  --seed-file="$work/munge.seed" 2>/dev/null &
daemons+=($!)
until [ -S "$work/munge.socket" ]; do sleep 0.1; done
slurmctld -D -c -f "$work/slurm.conf" 2>"$work/slurmctld.log" &
daemons+=($!)
slurmd -D -f "$work/slurm.conf" 2>"$work/slurmd.log" &
daemons+=($!)
within() { for _ in $(seq 300); do if "$@"; then return; fi; sleep 0.1; done; echo "waited in vain: $*"; return 1; }
is_idle() { [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ]; }
within is_idle

cat >"$work/job" <<'JOB'
#!/bin/bash
end() {
  echo "told to end, while Slurm says $(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T)"
  scontrol requeue "$SLURM_JOB_ID" && echo "requeued"
  exit
}
trap end TERM
echo "run ${SLURM_RESTART_COUNT:-0} begins"
[ "${SLURM_RESTART_COUNT:-0}" -eq 0 ] || exit 0
sleep 600 & wait
JOB
job=$(sbatch --parsable --open-mode=append --output="$work/out" "$work/job")
has() { grep -q "$1" "$work/out" 2>/dev/null; }
within has 'run 0 begins'
scancel "$job"
within has 'run 1 begins'
grep -v -e slurmstepd -e Terminated "$work/out" | tee "$work/got"
cat >"$work/want" <<'WANT'
run 0 begins
told to end, while Slurm says COMPLETING
requeued
run 1 begins
WANT
diff "$work/want" "$work/got" || { echo "That was other before."; exit 1; }
