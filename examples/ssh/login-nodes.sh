#!/bin/sh
# ERISXdl: the login nodes erisxdl1, erisxdl2 and erisxdl3 with a podman storage each, on a disk of their own below the
# same path, 50 GB a user, and one home for all. ~/.config/containers/storage.conf says where (storage.conf beside this
# file), and holds for podman and sealift alike. After it all three have the same images.
#
#     sh login-nodes.sh ~/june.tar
#     sh login-nodes.sh ~/june.tar --dry-run
#
# What does not fit into the quota is refused on that node, before anything is written (exit code 8, with the numbers of
# `quota -vs`), and the others go on. After `podman rmi` there, or `podman_reset.sh`, the same line asks that node alone;
# a node whose storage was emptied after it had all is asked by `--again`.
set -eu
bundle=$1
shift
# What is remembered of streams, and the ledger, are apart for each node, since they share the home.
state=$HOME/.local/state/sealift
exec sealift fanout "$bundle" "$@" \
    --ssh erisxdl1,erisxdl2,erisxdl3 --program "$HOME/bin/sealift" \
    --to containers-storage: \
    --key "$HOME/transfer.pub.pem" \
    -- --state "$state/{node}" --ledger "$state/{node}.jsonl"
