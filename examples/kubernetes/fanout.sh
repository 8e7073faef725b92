#!/bin/sh
# The nodes of a cluster that has no registry yet: each gets the images into the containerd that its kubelet asks
# (where that is K3s, RKE2 or k0s, --to k3s: and the like), pinned, from a shared folder. No image is needed for that: the job's container is made of one that the node has, and runs
# the program of the shared folder, which has to be the one that is linked statically.
# The namespace has to let jobs be privileged:
#     kubectl label namespace images pod-security.kubernetes.io/enforce=privileged
#
#     sh fanout.sh /shared/june.tar
#     sh fanout.sh /shared/june.tar --constraint '!node-role.kubernetes.io/control-plane'
#     sh fanout.sh /shared/june.tar --engine-arg=--context=site
#     sh fanout.sh /shared/june.tar --dry-run > jobs.yaml        # the manifest, for kubectl create -f jobs.yaml
#
# A node that is not ready or cordoned is named, and asked by the next run of the same line.
set -eu
bundle=$1
shift
exec sealift fanout "$bundle" "$@" \
    --kubernetes --namespace images --program /shared/bin/sealift \
    --to 'containerd:[k8s.io]' \
    --key /shared/transfer.pub.pem \
    -- --pin
