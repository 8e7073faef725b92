ARG VARIANT
FROM --platform=linux/amd64 registry.example.com/base/amd64:1 AS base-amd64
FROM --platform=linux/arm64 registry.example.com/base/arm64:1 AS base-arm64
FROM base-${TARGETARCH} AS base
FROM base-$TARGETARCH${VARIANT:+-$VARIANT}
FROM alpine:3.20 AS alpine
FROM alpine
COPY --from=later /a /b
FROM busybox AS later
