# One image for all components; the command names the one that runs, and is the operator's without. docker build -t keptn-operator .
ARG NODE=docker.io/library/node:24-slim

FROM ${NODE} AS page
WORKDIR /app
COPY package.json package-lock.json ./
# The install scripts bring a Node for machines without one.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY tools/build-page.ts tools/
COPY lib lib
COPY services/bridge/page services/bridge/page
RUN node tools/build-page.ts

FROM ${NODE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# The optional one is the keyring of a desktop.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM ${NODE} AS helm
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates curl
ARG HELM_MIRROR=https://get.helm.sh
ARG HELM_VERSION=3.19.0
ARG HELM_SHA256_AMD64=a7f81ce08007091b86d8bd696eb4d86b8d0f2e1b9f6c714be62f82f96a594496
ARG HELM_SHA256_ARM64=440cf7add0aee27ebc93fada965523c1dc2e0ab340d4348da2215737fc0d76ad
RUN set -eu; \
    arch="$(dpkg --print-architecture)"; \
    case "$arch" in \
      amd64) sum="$HELM_SHA256_AMD64" ;; \
      arm64) sum="$HELM_SHA256_ARM64" ;; \
      *) echo "there is no checksum of helm for $arch" >&2; exit 1 ;; \
    esac; \
    curl --fail --silent --show-error --location --retry 3 --output helm.tar.gz "$HELM_MIRROR/helm-v$HELM_VERSION-linux-$arch.tar.gz"; \
    echo "$sum  helm.tar.gz" | sha256sum --check --strict; \
    tar --extract --gzip --file helm.tar.gz --directory /usr/local/bin --strip-components 1 --no-same-owner "linux-$arch/helm"

FROM ${NODE}
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates git && rm -rf /var/lib/apt/lists/*
COPY --from=helm /usr/local/bin/helm /usr/local/bin/helm
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY lib lib
COPY operator operator
COPY services services
COPY --from=page /app/services/bridge/dist services/bridge/dist
COPY cli cli
# `keptn install` applies them.
COPY crds crds
RUN ln -s /app/cli/keptn.mjs /usr/local/bin/keptn
# All else is read-only in a cluster.
ENV NODE_ENV=production HOME=/tmp
# A number, so that Kubernetes knows that it is not root: `node`.
USER 1000:1000
CMD ["node", "operator/main.ts"]
