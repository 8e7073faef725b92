#!/bin/sh
# Jobs on ERISXdl take their images from Harbor, erisxdl.partners.org: a bundle in the shared folder goes there by an array
# of tasks, each of which sends its part of the layers. The names come last, by a job that waits for all of them: until
# then nobody sees anything. What fails is submitted again by the same line, and sends only what is missing.
#
#     sealift login erisxdl.partners.org                        # once; the tasks find it in the shared home
#     sh into-harbor.sh /data/june.tar pas                      # the PAS group in lower case
#     sh into-harbor.sh /data/june.tar pas --map 'docker.io/library/alpine:3.20=alpine:demo-copy'
set -eu
bundle=$1 group=$2
shift 2
shards=${SHARDS:-16}
to=docker://erisxdl.partners.org/$group
# Every part gets the same names, so every part gets the same rules; each word in quotes of its own.
import="$HOME/bin/sealift import"
for word in "$bundle" --to "$to" --key "$HOME/transfer.pub.pem" --no-progress "$@"; do
    import="$import '$(printf %s "$word" | sed "s/'/'\\\\''/g")'"
done
array=$(sbatch --parsable --array="1-$shards" --job-name=sealift-shards \
    --wrap "$import --shard \"\$SLURM_ARRAY_TASK_ID/$shards\"")
# On a cluster of clusters the number is followed by the name of one.
exec sbatch --parsable --dependency="afterok:${array%%;*}" --kill-on-invalid-dep=yes --job-name=sealift-finish \
    --wrap "$import --finish"
