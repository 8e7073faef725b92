#!/usr/bin/env docker-build
FROM debian:bookworm AS a
RUN <<EOF
FROM not/an:image
apt-get update
EOF
RUN python3 <<PY > /dev/null && cat <<'TWO' 3<<"THREE"
FROM not/python:1
PY
FROM not/two:1
TWO
FROM not/three:1
THREE
COPY <<one.txt <<"two.txt" /dest/
FROM not/one:1
one.txt
$FROM not/two:2
two.txt
RUN cat <<<"EOF"
RUN echo "<<EOF" '<<EOF' \<<EOF
RUN ["sh", "-c", "cat <<EOF"]
RUN if [ $((1<<2)) -gt 3 ]; then echo yes; fi
ONBUILD RUN <<END
FROM not/onbuild:1
END

FROM redis:7
COPY --from=a /a \
  # comment
  #another

  /b
LABEL text="FROM nothing" \
      more="COPY --from=nothing:1"
