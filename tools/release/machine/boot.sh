#!/bin/sh
# boot.sh MACHINE FOLDER ROOT: boots systemd as process 1 of what looks like the system in ROOT, but is written to memory alone. It is called with
# namespaces of its own (unshare --mount --pid --fork --uts --ipc --net --cgroup). MACHINE is an empty folder to mount it at, and FOLDER is
# /mnt in there.
set -eu
machine=$1 shared=$2 system=$3
mount -t tmpfs tmpfs "$machine"
mkdir "$machine/upper" "$machine/work" "$machine/root"
mount -t overlay -o "lowerdir=$system,upperdir=$machine/upper,workdir=$machine/work" overlay "$machine/root"
cd "$machine/root"

mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
# systemd needs a hierarchy of control groups to count its processes in: version 2 where this machine has it, else its own of version 1.
mkdir -p sys/fs/cgroup
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -t cgroup2 cgroup2 sys/fs/cgroup
else
    mount -t tmpfs tmpfs sys/fs/cgroup
    mkdir sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
fi
mount --bind "$shared" mnt
# What was written in the machine, and nothing else.
mkdir run/written
mount --bind "$machine/upper" run/written

# Nothing is there but what the packages of this machine have: no unit of an administrator, nothing that is enabled.
rm -rf etc/systemd/system/* etc/exporter var/lib/exporter var/lib/private/exporter
# Neither devices nor consoles are of this machine's making.
for unit in systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udev-trigger.service console-getty.service \
    systemd-logind.service systemd-networkd.service systemd-resolved.service; do
    ln -s /dev/null "etc/systemd/system/$unit"
done
ip link set lo up
mkdir old
pivot_root . old
umount --lazy /old
rmdir /old
# What holds credentials is mounted by a process with mounts of its own, and has to come from there.
mount --make-rshared /
exec env -i container=lxc PATH="$PATH" /lib/systemd/systemd --system --unit=basic.target --log-target=journal --show-status=no
