#!/bin/sh
# What HTCondor's commands do as far as a fan-out needs them, in place of a pool, which Debian 12 has not.
# Their words and codes are those of HTCondor 23. The folder POOL has what the pool knows:
#   machines     what condor_status prints
#   busy         machines whose jobs wait
#   no-schedd    there: nobody queues jobs
#   jobs/ID      of each job in the queue: its SealiftRun, its status, the process
pool=$POOL
[ ! -e "$pool/no-schedd" ] || [ "${0##*/}" = condor_status ] || {
    printf '\nERROR: Can'\''t find address of local schedd\n' >&2
    exit 1
}
run_of() { printf '%s' "$1" | sed -n 's/^SealiftRun == "\([^"]*\)"$/\1/p'; }
jobs() { for job in "$pool"/jobs/*; do [ ! -f "$job" ] || echo "${job##*/}"; done; }
case ${0##*/} in
condor_status) cat "$pool/machines" ;;
condor_submit)
    said=$(cat)
    member() { printf '%s\n' "$said" | sed -n "s/^$1 = \"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p"; }
    machine=$(printf '%s\n' "$said" | sed -n 's/^requirements = (Machine == "\(.*\)")$/\1/p')
    [ -n "$machine" ] || { echo 'ERROR: no requirements' >&2; exit 1; }
    run=$(member '+SealiftRun') id=$(($(cat "$pool/last") + 1))
    echo "$id" > "$pool/last"
    if grep -qxF "$machine" "$pool/busy" 2>/dev/null; then
        echo "$run 1 -" > "$pool/jobs/$id"
    else
        echo "$run 2 -" > "$pool/jobs/$id"
        exe=$(member executable) out=$(member output) err=$(member error)
        # Files that go along are in the folder that the job has for itself.
        brought=$(member transfer_input_files) own=$pool/own.$id
        mkdir "$own"
        [ -z "$brought" ] || cp "$brought" "$own"
        (
            cd "$own"
            "$exe" > "$out" 2> "$err" < /dev/null &
            echo "$run 2 $!" > "$pool/jobs/$id.new"
            mv "$pool/jobs/$id.new" "$pool/jobs/$id"
            wait $!
            rm -f "$pool/jobs/$id"
        ) > /dev/null 2>&1 < /dev/null &
    fi
    echo "$id.0 - $id.0"
    ;;
condor_q)
    wanted=$(run_of "$2")
    for id in $(jobs); do
        read -r run status _ < "$pool/jobs/$id" || continue
        [ "$run" != "$wanted" ] || printf '%s\t%s\tundefined\n' "$id" "$status"
    done
    ;;
condor_rm)
    [ "$1" = -constraint ] && wanted=$(run_of "$2") || only=$1
    found=
    for id in $(jobs); do
        read -r run status process < "$pool/jobs/$id" || continue
        [ "$run" = "$wanted" ] || [ "$id" = "$only" ] || continue
        found=1
        # The starter signals what it started, and nothing below it.
        [ "$process" = - ] || kill -TERM "$process"
        rm -f "$pool/jobs/$id"
    done
    [ -n "$found" ] || { echo "Couldn't find/remove all jobs matching constraint" >&2; exit 1; }
    ;;
esac
