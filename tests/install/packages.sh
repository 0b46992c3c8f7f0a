#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# tests/install/packages.sh FOLDER - install the packages of FOLDER, use them, remove them, and
# see that nothing is left. As root, on a machine or in a root folder that may be changed.
set -eu
folder=$1

ours() {
    find /usr /etc /var /opt -xdev \( -name '*rkpreload*' -o -name '*rktrace*' -o -name '*rustkernel*' \) \
        ! -path '/var/cache/*' | sort
}

names=$(for file in "$folder"/*.deb; do dpkg-deb -f "$file" Package; done)
ours >/tmp/rk-before.$$
trap 'rm -f /tmp/rk-before.$$ /tmp/rk-after.$$' EXIT
status=0
dpkg --install "$folder"/*.deb || status=$?
[ $status != 0 ] || sh "$folder/smoke" || status=$?
# shellcheck disable=SC2086
dpkg --purge $names || status=$?
ours >/tmp/rk-after.$$
if ! diff /tmp/rk-before.$$ /tmp/rk-after.$$; then
    echo "packages: this was left behind"
    status=1
fi
[ $status != 0 ] || echo "packages: ok"
exit $status
