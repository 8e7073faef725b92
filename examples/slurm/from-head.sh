#!/bin/sh
# Nodes that share no folder with the machine that you sit at: they read the bundle from it, as long as this runs, each only
# what it lacks, and verify it with the key that lies on the node. sealift is installed on them.
#
#     sh from-head.sh june.tar
#     sh from-head.sh june.tar --nodelist 'n[01-16]'
#     sh from-head.sh june.tar --dry-run > submit.sh             # it says which sealift serve has to run beside it
#
# What the jobs say comes back through --record, the one folder that all have to see: by default that is in the home.
set -eu
bundle=$1
shift
exec sealift fanout "$bundle" "$@" \
    --slurm --serve "${HEAD:-$(hostname)}" \
    --to containers-storage: \
    --key /etc/sealift/transfer.pub.pem
