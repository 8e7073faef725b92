#!/bin/sh
# Notebook hosts whose docker gets its images from the server, under the names that blueprints use. hosts.txt has a
# host a line; a host that is added later is asked by the next run, and no other.
#
#     sh notebook-hosts.sh /shared/rstudio.tar hosts.txt
set -eu
bundle=$1 hosts=$2
shift 2
exec sealift fanout "$bundle" "$@" \
    --ssh "@$hosts" --program /usr/local/bin/sealift \
    --to docker-daemon: \
    --key /etc/sealift/transfer.pub.pem \
    -- --only '*rocker/*' --on-existing overwrite
