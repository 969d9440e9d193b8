# A host of origin nodes: one process per core behind one port. Built from the root of the tree:
#   docker build --file deploy/docker/origin.Dockerfile .
FROM node:20.20.2-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY deploy/docker/trim.sh deploy/docker/trim.sh
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && deploy/docker/trim.sh origin

FROM node:20.20.2-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json tsconfig.json ./
COPY shared shared
COPY origin origin
COPY deploy/local/upstash deploy/local/upstash
COPY deploy/docker/state.ts deploy/docker/state.ts
COPY deploy/instance/init.sh deploy/instance/init.sh
COPY deploy/docker/health.mjs deploy/docker/health.mjs
USER node
# Sockets; internal API, for the edge alone; health, metrics and the status page, for operators alone.
EXPOSE 9001 9201 9101
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 \
  CMD ["node", "deploy/docker/health.mjs", "http://127.0.0.1:9101/livez"]
# A shell that reaps orphans, because Node does not.
ENTRYPOINT ["deploy/instance/init.sh"]
CMD ["node", "--import", "tsx", "origin/host.ts"]
