// Runs as the gateway's user in the gateway's environment. Prints what the running gateway tells of its accounts, by
// OpenClaw's own client.
import { pathToFileURL } from "node:url";

const { package: directory } = JSON.parse(process.argv[1]);
const { callGatewayFromCli } = await import(pathToFileURL(`${directory}/dist/plugin-sdk/gateway-runtime.js`));
const ANSWER = 30_000; // How long the answer of a busy gateway is waited for, in milliseconds.
const told = await callGatewayFromCli("channels.status", { json: true, timeout: `${ANSWER}` }, {});
process.stdout.write(`${JSON.stringify(told)}\n`, () => process.exit(0));
