#!/bin/sh
# Three login nodes with a podman storage each on a disk of their own (50 GB quota), and Slurm around them.
# Nobody reaches a registry from there: the bundle lies in the shared project folder, beside the public key.
#
#     sh login-nodes.sh /data/project/june.tar
#     sh login-nodes.sh /data/project/june.tar --dry-run
#
# A full disk ends that node's import before anything is written, with exit code 8, and the others go on; make
# room there and run the same line again: it asks that node alone.
set -eu
bundle=$1
shift
user=$(id -un)
exec sealift fanout "$bundle" "$@" \
    --slurm --nodelist 'login[1-3]' --wait 1800 \
    --to "containers-storage:[overlay@/local/$user/{node}/storage+/local/$user/{node}/run]" \
    --key "$(dirname "$bundle")/transfer.pub.pem"
