#!/usr/bin/env bash
# Writes ./client, which stands in the repository: the command line of Prisma is no dependency of ours, since its
# installation fetches an engine from elsewhere. Generating needs none, so that it is told to take another program for it.
set -euo pipefail
cd "$(dirname "$0")"

export npm_config_ignore_scripts=true PRISMA_SCHEMA_ENGINE_BINARY=/bin/true CHECKPOINT_DISABLE=1 PRISMA_HIDE_UPDATE_MESSAGE=1
rm -rf client
npx --yes prisma@7.10.0 generate --schema schema.prisma
# For browsers, and a remark to the linter that it does not need.
rm client/browser.ts client/internal/prismaNamespaceBrowser.ts
sed -i '/biome-ignore-all/d' client/models.ts
npx biome format --write client
