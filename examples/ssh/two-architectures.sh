#!/bin/sh
# PANOPTES: observatories with one amd64 machine and several Raspberry Pis (arm32v7), one tag for both. The bundle has both
# platforms (panoptes.yaml beside this file says how it is made), each layer of both once; each machine takes its own, so
# there is nothing to choose here, and the name on it is the one in panoptes.yaml.
#
#     sh two-architectures.sh /shared/panoptes.tar control,pi1,pi2
set -eu
bundle=$1 hosts=$2
shift 2
exec sealift fanout "$bundle" "$@" \
    --ssh "$hosts" --at-once 2 \
    --to docker-daemon: \
    --key /etc/sealift/transfer.pub.pem
