# The edge on Deno, with the web messenger. Built from the root of the tree:
#   docker build --file deploy/docker/edge.Dockerfile .
FROM node:20.20.2-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY deploy/docker/trim.sh deploy/docker/trim.sh
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && deploy/docker/trim.sh edge

# The messenger needs what builds it; the edge does not.
FROM node:20.20.2-bookworm-slim AS web
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY shared shared
COPY edge edge
COPY deploy/local deploy/local
RUN node deploy/local/boot.mjs web

FROM denoland/deno:2.9.6
ENV DENO_DIR=/tmp/deno DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=web /app/.hushwire/web web
COPY package.json deno.json ./
COPY shared shared
COPY edge edge
USER deno
EXPOSE 8787 9301
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 \
  CMD ["deno", "eval", "Deno.exit((await fetch('http://127.0.0.1:8787/livez')).ok ? 0 : 1)"]
ENTRYPOINT ["deno", "run", "--no-prompt", "--no-remote", "--cached-only", "--node-modules-dir=manual", \
  "--allow-env=HUSHWIRE_EDGE_*", "--allow-read=/run/secrets,/app/web", "--allow-net", "edge/deno.ts"]
