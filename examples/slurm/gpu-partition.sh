#!/bin/sh
# All nodes of a partition, in the storage that podman has there for the user. The job is charged to an account,
# and may wait until the nodes are free, for a day at most.
#
#     sh gpu-partition.sh /shared/june.tar
set -eu
bundle=$1
shift
exec sealift fanout "$bundle" "$@" \
    --slurm --partition gpu --wait 86400 --engine-arg=--account=ops --engine-arg=--time=02:00:00 \
    --to containers-storage: \
    --key /shared/transfer.pub.pem
