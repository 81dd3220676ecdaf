# The operator's image: Node, its production dependencies and the sources, which run as they are (docs/adr/0008).
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No dependency may run a program of its own here; none needs to.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="pve-operator" \
      org.opencontainers.image.description="Deploys and keeps virtual machines on Proxmox VE, declared as Kubernetes objects" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
# The version that the operator reports is read from package.json.
COPY LICENSE package.json ./
COPY src src
# As a number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["node", "/app/src/main.ts"]
