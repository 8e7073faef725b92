arg REGISTRY=registry.example.com
arg SUFFIX
arg EMPTY=
arg NAME=web-server VERSION=v1.2.3 QUOTED="a b"
ARG FULL=${REGISTRY}/${NAME}
ARG BARE=${VERSION#v}
ARG MINOR=${BARE%.*}
ARG MAJOR=${BARE%%.*}
ARG LAST=${BARE##*.}
ARG SPELLED=${NAME//-/_}
ARG ONCE=${FULL/web/app}
from ${FULL}:${VERSION}${SUFFIX:+-$SUFFIX} as one
from ${FULL}:${BARE}${SUFFIX:-}-minor as two
from ${FULL}:${MINOR}-${EMPTY:-full}${EMPTY:+none}${EMPTY-none} as three
from "${FULL}:${MAJOR}" as four
from ${REGISTRY}/${SPELLED}:${LAST} as five
from ${ONCE}:${UNSET:-${VERSION:-${MAJOR}}} as six
from ${REGISTRY}/sl\ash:1 as eight
from one as nine
from NINE
copy --from=0 /a /b
