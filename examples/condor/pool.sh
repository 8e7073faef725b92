#!/bin/sh
# Every execute machine of an HTCondor pool gets the images into its docker. It stands for a loop over machines
# with `docker save | gzip`, `scp` and `zcat | docker load`: one bundle in the shared folder, one job a machine.
# The job's user has to be one who may use docker there.
#
#     sh pool.sh /shared/june.tar
#     sh pool.sh /shared/june.tar --nodelist n1.example,n2.example
#     sh pool.sh /shared/june.tar --constraint 'HasDocker'
#     sh pool.sh /shared/june.tar --dry-run > submit.sh       # the submit files, to keep and submit by hand
set -eu
bundle=$1
shift
exec sealift fanout "$bundle" "$@" \
    --condor --program /shared/bin/sealift \
    --to docker-daemon: \
    --key /shared/transfer.pub.pem
