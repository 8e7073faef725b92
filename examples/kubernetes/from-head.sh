#!/bin/sh
# The nodes of a cluster without a registry and without a shared folder: they read the bundle from the machine that you sit at, as
# long as this runs. The program (linked statically) and the key were put on them when they were set up.
# The namespace has to let jobs be privileged:
#     kubectl label namespace images pod-security.kubernetes.io/enforce=privileged
#
#     HEAD=10.0.0.1 sh from-head.sh june.tar
#     HEAD=10.0.0.1:8080 sh from-head.sh june.tar --constraint '!node-role.kubernetes.io/control-plane'
#
# HEAD is what nodes call this machine. A node that is not ready is named, and asked by the next run of the same line.
set -eu
bundle=$1
shift
exec sealift fanout "$bundle" "$@" \
    --kubernetes --namespace images --program /usr/local/bin/sealift \
    --serve "${HEAD:-$(hostname)}" \
    --to 'containerd:[k8s.io]' \
    --key /etc/sealift/transfer.pub.pem \
    -- --pin
