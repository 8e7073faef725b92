# Asks the storage folders of registries, and bundles, what blobs are where. It knows nothing of
# sealift: it reads links and JSON documents, and compares lists.
#
#   needed OUTSIDE LIST          blobs that the images of LIST need (lines of REPOSITORY:TAG)
#   held INSIDE                  blobs that some repository has, and that are there
#   lacking OUTSIDE INSIDE LIST  what is needed and not held
#   carried BUNDLE               what the folder of a bundle has, but for manifests
set -eu

# Where the registry at $1 keeps what has the digest $2.
data() {
    hex=${2#sha256:}
    echo "$1/docker/registry/v2/blobs/sha256/$(printf %.2s "$hex")/$hex/data"
}

# The blobs of the manifest $2 of the registry at $1, and of all manifests below it.
walk() {
    jq -r '(.config.digest?, .layers[]?.digest) | strings' "$(data "$1" "$2")"
    for child in $(jq -r '.manifests[]?.digest' "$(data "$1" "$2")"); do
        walk "$1" "$child"
    done
}

needed() {
    while IFS= read -r name; do
        tags="$1/docker/registry/v2/repositories/${name%:*}/_manifests/tags"
        walk "$1" "$(cat "$tags/${name##*:}/current/link")"
    done < "$2" | sort -u
}

# A link may outlive what it leads to, and a blob the link of the repository that asks for it.
held() {
    registry=$1/docker/registry/v2
    [ -d "$registry/repositories" ] || return 0
    at=$(mktemp -d)
    find "$registry/blobs" -name data |
        sed -n 's,.*/\([0-9a-f]\{64\}\)/data$,sha256:\1,p' | sort -u > "$at/there"
    find "$registry/repositories" -path '*/_layers/sha256/*/link' |
        sed -n 's,.*/\([0-9a-f]\{64\}\)/link$,sha256:\1,p' | sort -u > "$at/linked"
    comm -12 "$at/there" "$at/linked"
    rm -r "$at"
}

lacking() {
    to=$(mktemp -d)
    needed "$1" "$3" > "$to/needed"
    held "$2" > "$to/held"
    comm -23 "$to/needed" "$to/held"
    rm -r "$to"
}

# The manifests of a bundle: all that its index leads to.
manifests() {
    for child in $(jq -r '.manifests[]?.digest' "$2"); do
        echo "$child"
        manifests "$1" "$1/blobs/sha256/${child#sha256:}"
    done
}

carried() {
    to=$(mktemp -d)
    manifests "$1" "$1/index.json" | sort -u > "$to/manifests"
    find "$1/blobs/sha256" -type f | sed 's,.*/,sha256:,' | sort > "$to/files"
    comm -23 "$to/files" "$to/manifests"
    rm -r "$to"
}

"$@"
