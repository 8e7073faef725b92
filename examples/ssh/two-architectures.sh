#!/bin/sh
# Observatories with one amd64 machine and several Raspberry Pis (arm32v7), one tag for both. The bundle has both
# platforms (sealift export gcr.io/panoptes-exp/panoptes-utils:latest --platform linux/amd64 --platform linux/arm/v7);
# each machine takes its own of them, so there is nothing to choose here.
#
#     sh two-architectures.sh /shared/panoptes.tar control,pi1,pi2
set -eu
bundle=$1 hosts=$2
shift 2
exec sealift fanout "$bundle" "$@" \
    --ssh "$hosts" --at-once 2 \
    --to docker-daemon: \
    --key /etc/sealift/transfer.pub.pem
