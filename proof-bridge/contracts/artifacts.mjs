#!/usr/bin/env node
// Writes artifacts/*.json, the interface and code of the deployed contracts, from what forge compiled. Building the Rust then
// needs no Solidity compiler; the Solidity tests deploy them too. `node artifacts.mjs` writes them, `node artifacts.mjs --check`
// fails where they are stale. Forge is $SYSTOLE_FORGE, or that of `cargo xtask setup`.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const CONTRACTS = ["Court", "Step"];
const here = dirname(fileURLToPath(import.meta.url));
const forge = process.env.SYSTOLE_FORGE ?? join(here, "../../.tools/node_modules/.bin/forge");
// The optimiser's output depends on which files are compiled together: always all of src/, from nothing, in folders of its own.
const build = ["build", "--force", "--skip", "test", "--out", "out/deployed", "--cache-path", "cache/deployed"];
execFileSync(forge, build, { cwd: here, stdio: ["ignore", 2, 2] });

function artifact(name) {
  const built = JSON.parse(readFileSync(join(here, `out/deployed/${name}.sol/${name}.json`), "utf8"));
  const abi = built.abi.map((item) => `    ${JSON.stringify(item)}`).join(",\n");
  return `{
  "generated": "by node proof-bridge/contracts/artifacts.mjs; do not edit",
  "contractName": "${name}",
  "abi": [\n${abi}\n  ],
  "bytecode": { "object": "${built.bytecode.object}" }
}\n`;
}

const stale = [];
mkdirSync(join(here, "artifacts"), { recursive: true });
for (const name of CONTRACTS) {
  const path = join(here, "artifacts", `${name}.json`);
  const fresh = artifact(name);
  if (!process.argv.includes("--check")) {
    writeFileSync(path, fresh);
  } else {
    let present;
    try { present = readFileSync(path, "utf8"); } catch { present = undefined; }
    if (present !== fresh) stale.push(`artifacts/${name}.json`);
  }
}
if (stale.length > 0) {
  console.error(`stale: ${stale.join(", ")}\nrun \`node proof-bridge/contracts/artifacts.mjs\` and commit what it writes`);
  process.exit(1);
}
