# The gateway in a container; docs/deployment.md has how to run it.
#   docker build -t postern:0.1.0 .
#   docker build -t postern:dev --target dev .        the sources, again after every change
# The same base on every build: --build-arg NODE_IMAGE=node:26.10.0-slim@sha256:... (docker buildx imagetools inspect NAME)
ARG NODE_IMAGE=node:26.10.0-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json app.ts server.ts LICENSE ./
COPY config config
COPY schemas schemas
COPY plugins plugins
COPY providers providers
COPY routes routes
COPY deploy/cli deploy/cli
# Read by any user, whatever the umask of the checkout was.
RUN node_modules/.bin/tsc -p tsconfig.build.json --outDir /runtime/dist \
  && mkdir /runtime/config \
  && cp config/*.yaml /runtime/config/ \
  && cp package.json LICENSE /runtime/ \
  && chmod -R a+rX /runtime \
  && chmod a+x /runtime/dist/deploy/cli/main.js

FROM build AS dev
RUN install -d -o 10001 -g 0 -m 0770 /data
ENV NODE_ENV=development LISTEN=0.0.0.0:4000 MANAGEMENT_LISTEN=0.0.0.0:4001 DATA_DIR=/data
VOLUME ["/data"]
EXPOSE 4000 4001
USER 10001:0
ENTRYPOINT ["node", "node_modules/tsx/dist/cli.mjs", "watch", "server.ts"]

# The optional packages are the pinned Node for machines without one; the image is that Node.
FROM ${NODE_IMAGE} AS modules
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund \
  && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '*.md' \) \
    ! -iname 'licen[cs]e*' ! -iname 'notice*' -delete \
  && chmod -R a+rX node_modules

FROM ${NODE_IMAGE} AS app
RUN cd /usr/local \
  && rm -rf lib/node_modules include share/doc share/man bin/npm bin/npx bin/corepack bin/yarn bin/yarnpkg /opt/yarn-* \
  && ln -s /app/dist/deploy/cli/main.js bin/postern \
  && install -d -o 10001 -g 0 -m 0770 /data
WORKDIR /app
COPY --from=modules /app/node_modules node_modules
COPY --from=build /runtime ./
ENV NODE_ENV=production LISTEN=0.0.0.0:4000 MANAGEMENT_LISTEN=0.0.0.0:4001 DATA_DIR=/data

# One start and one stop fill the compile cache, and show that the image works; with a provider the price data is in it too.
# The cache is bound to the user id: others start without it. Not to the processor: five emulated ones accepted it whole.
FROM app AS warm
USER 10001:0
RUN export DATA_DIR=/tmp/data LISTEN=unix:/tmp/api MANAGEMENT_LISTEN=unix:/tmp/management OLLAMA_BASE_URL=http://127.0.0.1:9; \
  NODE_COMPILE_CACHE=/tmp/compile-cache node dist/server.js >/tmp/log 2>&1 & gateway=$!; \
  until grep -q '"msg":"listening"' /tmp/log; do kill -0 "$gateway" || { cat /tmp/log; exit 1; }; sleep 0.2; done; \
  kill "$gateway" && wait "$gateway" && chmod -R a+rX /tmp/compile-cache

FROM app AS runtime
COPY --from=warm --chown=0:0 /tmp/compile-cache /app/compile-cache
ENV NODE_COMPILE_CACHE=/app/compile-cache
VOLUME ["/data"]
EXPOSE 4000 4001
USER 10001:0
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["node", "-e", "import('/app/dist/config/listen.js').then(({ parseListen }) => { const { path: socketPath, host, port } = parseListen(process.env.MANAGEMENT_LISTEN || '127.0.0.1:4001'); require('node:http').get({ socketPath, host, port, path: '/livez' }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1)); })"]
ENTRYPOINT ["node", "dist/server.js"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="postern" \
  org.opencontainers.image.description="LLM gateway: the OpenAI API in front of every model provider" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
