# syntax=docker/dockerfile:1.7
# check=skip=JSONArgsRecommended

# The base is chosen by arguments.
ARG GO_VERSION=1.22
ARG ALPINE_VERSION=3.20
ARG BASE_IMAGE=alpine:${ALPINE_VERSION}
ARG XX_VERSION="1.4.0"

FROM --platform=$BUILDPLATFORM tonistiigi/xx:${XX_VERSION} AS xx

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-alpine${ALPINE_VERSION} AS Build
COPY --from=xx / /
ARG TARGETPLATFORM
WORKDIR /src
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=bind,source=go.sum,target=go.sum \
    # a comment in the middle
    --mount=type=bind,from=ghcr.io/example/protoc:25.1,source=/usr/bin/protoc,target=/usr/bin/protoc \

    xx-go mod download
COPY . .
RUN --mount=from=docker.io/golangci/golangci-lint:v1.59,target=/lint,ro <<-EOT
	set -e
	FROM=nothing
	COPY --from=busybox:none /a /b
	go build -o /out/service .
	EOT

FROM build AS test
RUN go test ./...

FROM scratch AS files
COPY --from=BUILD /out/service /

FROM ${BASE_IMAGE} AS final
ARG GO_VERSION=9.99
COPY --from=build /out/service /usr/bin/
COPY --from=1 /out/service /usr/bin/second
COPY --from=quay.io/prometheus/busybox@sha256:1111111111111111111111111111111111111111111111111111111111111111 /bin/sh /bin/sh
COPY --chown=1000:1000 --from=files / /
ENTRYPOINT ["/usr/bin/service"]
