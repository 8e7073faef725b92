FROM node:20-slim AS parent
ONBUILD COPY --from=ghcr.io/example/tool:2 /tool /tool
ONBUILD RUN --mount=from=ghcr.io/example/mounted:3,target=/m true
FROM parent
CMD ["node"]
FROM python:3.12 AS other
ONBUILD COPY --from=builder /wheels /wheels
